// Whether a connection of an undeclared protocol begins with HTTP, and with which version (Envoy's http_inspector):
// the preface of HTTP/2, or the request line of HTTP/1. Each byte is looked at once, in whatever pieces they come;
// what can be no HTTP any more is known at that byte, so that nobody waits for the rest of a line.
//
//   GET /path HTTP/1.1 CRLF
//   ^method ^target ^version, each ended by one space; at most one empty line before

import { METHODS } from './h1/parse.ts';
import { PREFACE } from './h2/frames/frame-types.ts';

/** By the names that `filter_chain_match.application_protocols` has for them. */
export type HttpName = 'http/1.0' | 'http/1.1' | 'h2c';

export type FirstLineVerdict = 'more' | 'other' | HttpName;

/** A longer line is taken for something else, as in Envoy. */
export const LONGEST_FIRST_LINE = 64 * 1024;

type Phase = 'start' | 'empty line' | 'method' | 'target' | 'version';

const [CR, LF, SPACE, DEL] = [13, 10, 32, 127];
const VERSION = 'HTTP/1.';
const LONGEST_METHOD = Math.max(...[...METHODS].map(({ length }) => length));

export class FirstLine {
  #phase: Phase | null = 'start';
  /** Bytes of the preface that were seen; -1: it is not one. */
  #preface = 0;
  #length = 0;
  /** Method or version so far. */
  #word = '';

  /** `bytes`: what came since the last look. */
  look(bytes: Buffer): FirstLineVerdict {
    for (const byte of bytes) {
      const verdict = this.#next(byte);
      if (verdict !== 'more') return verdict;
    }
    return 'more';
  }

  #next(byte: number): FirstLineVerdict {
    if (this.#isPreface(byte)) return 'h2c';
    const verdict = this.#phase === null ? 'other' : this.#step(byte, this.#phase);
    if (verdict === 'other') this.#phase = null;
    if (++this.#length >= LONGEST_FIRST_LINE && verdict === 'more') return 'other';
    return verdict === 'other' && this.#preface > 0 ? 'more' : verdict;
  }

  /** Whether it is whole with this byte. */
  #isPreface(byte: number): boolean {
    if (this.#preface === -1) return false;
    this.#preface = byte === PREFACE[this.#preface] ? this.#preface + 1 : -1;
    return this.#preface === PREFACE.length;
  }

  #step(byte: number, phase: Phase): FirstLineVerdict {
    switch (phase) {
      case 'start':
        if (byte === CR) return this.#goOn('empty line');
        return this.#inMethod(byte);
      case 'empty line':
        return byte === LF ? this.#goOn('method') : 'other';
      case 'method':
        return this.#inMethod(byte);
      case 'target':
        return this.#inTarget(byte);
      case 'version':
        return this.#inVersion(byte);
    }
  }

  #goOn(phase: Phase): 'more' {
    this.#phase = phase;
    this.#word = '';
    return 'more';
  }

  #inMethod(byte: number): FirstLineVerdict {
    this.#phase = 'method';
    if (byte === SPACE) return METHODS.has(this.#word) ? this.#goOn('target') : 'other';
    this.#word += String.fromCharCode(byte);
    return this.#word.length <= LONGEST_METHOD && isMethodByte(byte) ? 'more' : 'other';
  }

  #inTarget(byte: number): FirstLineVerdict {
    if (byte === SPACE) return this.#word === '' ? 'other' : this.#goOn('version');
    // What it consists of is judged by the codec; that there is something is all that counts here.
    this.#word = '.';
    return byte < SPACE || byte === DEL ? 'other' : 'more';
  }

  #inVersion(byte: number): FirstLineVerdict {
    const { length } = this.#word;
    if (length === VERSION.length + 1) return byte === CR || byte === LF ? this.#found() : 'other';
    const fits = length === VERSION.length ? byte >= 48 && byte <= 57 : byte === VERSION.charCodeAt(length);
    this.#word += String.fromCharCode(byte);
    return fits ? 'more' : 'other';
  }

  /** As in Envoy, every other version of HTTP/1 counts as the older one. */
  #found(): HttpName {
    return this.#word.endsWith('1') ? 'http/1.1' : 'http/1.0';
  }
}

/** A to Z and the hyphen: registered methods have no others. */
function isMethodByte(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || byte === 45;
}
