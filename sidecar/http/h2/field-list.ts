// The fields of one block as they are decoded, sorted into what a message is made of and what goes on (RFC 9113
// 8.2 and 8.3). What is wrong is noted once; the rest of the block is still walked through, for the table's sake.

import { digits } from '../h1/characters.ts';
import type { UnderscoreCounts } from '../h1/fields.ts';
import { repetition } from '../h1/repeated.ts';
import type { HeaderList } from '../head.ts';
import type { Fault } from '../server.ts';
import { H2_FAULT } from './fault.ts';
import type { FieldSink } from './hpack/decoder.ts';
import { isSecret } from './hpack/indexing.ts';
import { KNOWN, LAST_PSEUDO } from './hpack/known-field.ts';

export interface FieldRules {
  readonly underscores: 'allow' | 'reject' | 'drop';
  /** What the last two are counted in. */
  readonly counts?: UnderscoreCounts | undefined;
}

/** Pseudo fields that a kind of block may have, as bits by KNOWN. */
export const REQUEST_PSEUDO =
  (1 << KNOWN.METHOD) | (1 << KNOWN.PATH) | (1 << KNOWN.SCHEME) | (1 << KNOWN.AUTHORITY) | (1 << KNOWN.PROTOCOL);
export const RESPONSE_PSEUDO = 1 << KNOWN.STATUS;
export const NO_PSEUDO = 0;

export class FieldList implements FieldSink {
  headers: HeaderList = [];
  fault: Fault | null = null;
  method = '';
  path = '';
  scheme = '';
  authority = '';
  status = '';
  protocol = '';
  host = '';
  contentLength = -1;
  expect: string | null = null;
  /** Pseudo fields that were there, as bits by KNOWN. */
  seen = 0;
  #allowed = 0;
  #regular = false;
  #hasHost = false;
  #cookieAt = -1;
  #rules: FieldRules = { underscores: 'allow' };

  /** Begins a block. */
  begin(allowed: number, rules: FieldRules): void {
    this.headers = [];
    this.fault = null;
    this.seen = 0;
    this.#allowed = allowed;
    this.#rules = rules;
    this.contentLength = -1;
    this.#regular = false;
    if (this.host !== '') this.host = '';
    this.#hasHost = false;
    this.expect = null;
    this.#cookieAt = -1;
  }

  has(known: number): boolean {
    return (this.seen & (1 << known)) !== 0;
  }

  onField(name: string, value: string, known: number, faults: number): void {
    if (known === KNOWN.NONE && faults === 0) {
      this.#regular = true;
      this.#keep(name, value);
      return;
    }
    if (faults !== 0) this.#refuse(H2_FAULT.field);
    else if (known <= LAST_PSEUDO) this.#pseudo(known, value);
    else {
      this.#regular = true;
      this.#special(name, value, known);
    }
  }

  /** What our own encoder would index on no account needs no mark. */
  onNeverIndexed(name: string): void {
    if (isSecret(name)) return;
    this.headers.neverIndexed ??= new Set();
    this.headers.neverIndexed.add(name === 'host' ? ':authority' : name);
  }

  /** The first fault is the one that is told. */
  #refuse(fault: Fault): void {
    this.fault ??= fault;
  }

  #keep(name: string, value: string): void {
    if (this.#rules.underscores !== 'allow' && name.includes('_')) {
      this.#underscored();
      return;
    }
    const { headers } = this;
    const repeated = repetition(name);
    const at = repeated === null ? -1 : headers.indexOf(name);
    // A value may be what the name is.
    if (at === -1 || at % 2 === 1) headers.push(name, value);
    else if (repeated === 'refuse') this.#refuse(H2_FAULT.messaging);
    else headers[at + 1] += `,${value}`;
  }

  #underscored(): void {
    const { underscores, counts } = this.#rules;
    if (underscores === 'reject') {
      if (counts !== undefined) counts.requests_rejected_with_underscores_in_headers++;
      this.#refuse(H2_FAULT.underscore);
    } else if (counts !== undefined) counts.dropped_headers_with_underscores++;
  }

  #pseudo(known: number, value: string): void {
    const bit = 1 << known;
    if (this.#regular || (this.#allowed & bit) === 0 || (this.seen & bit) !== 0) {
      this.#refuse(H2_FAULT.messaging);
      return;
    }
    this.seen |= bit;
    if (known === KNOWN.METHOD) this.method = value;
    else if (known === KNOWN.PATH) this.path = value;
    else if (known === KNOWN.SCHEME) this.scheme = value;
    else if (known === KNOWN.AUTHORITY) this.authority = value;
    else if (known === KNOWN.STATUS) this.status = value;
    else this.protocol = value;
  }

  #special(name: string, value: string, known: number): void {
    switch (known) {
      case KNOWN.CONTENT_LENGTH:
        this.#length(name, value);
        return;
      case KNOWN.COOKIE:
        this.#cookie(name, value);
        return;
      case KNOWN.HOST:
        if (this.#hasHost) this.#refuse(H2_FAULT.messaging);
        this.#hasHost = true;
        this.host = value;
        return;
      case KNOWN.EXPECT:
        if (this.expect !== null) this.#refuse(H2_FAULT.messaging);
        this.expect = value.toLowerCase();
        this.headers.push(name, value);
        return;
      case KNOWN.TE:
        if (value.toLowerCase() === 'trailers') this.headers.push(name, 'trailers');
        else this.#refuse(H2_FAULT.messaging);
        return;
      default:
        // Fields of a connection have no place here (RFC 9113 8.2.2).
        this.#refuse(H2_FAULT.messaging);
    }
  }

  /** Canonical digits only: what one reader takes for octal must not be another's decimal. */
  #length(name: string, value: string): void {
    const length = value.length > 1 && value.charCodeAt(0) === 48 ? -1 : digits(value);
    if (length === -1 || this.contentLength !== -1) {
      this.#refuse(H2_FAULT.messaging);
      return;
    }
    this.contentLength = length;
    this.headers.push(name, value);
  }

  /** Crumbs become one field again, as HTTP/1.1 has it (RFC 9113 8.2.3). */
  #cookie(name: string, value: string): void {
    if (this.#cookieAt === -1) {
      this.#cookieAt = this.headers.length + 1;
      this.headers.push(name, value);
    } else this.headers[this.#cookieAt] += `; ${value}`;
  }
}
