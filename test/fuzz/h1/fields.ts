// Our list of fields against llhttp's: nothing invented, nothing changed, and nothing lost but what ends at
// this hop (RFC 9110 7.6.1).

import { Violation } from '../target.ts';

/** Read by us and not passed on, or kept elsewhere in the head. */
const ENDS_HERE = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
  'transfer-encoding',
  'te',
  'upgrade',
  'host',
  'expect',
]);

/** Made anew from what was read. */
const MADE_HERE = new Set(['te', 'upgrade', 'host']);

/** Fields that would change framing or routing after the fact (RFC 9110 6.5.1). */
const NEVER_TRAILERS = ['content-length', 'transfer-encoding', 'host', 'connection', 'te', 'upgrade', 'authorization'];

/** `underscores`: whether names with an underscore may have been dropped. */
export function checkFields(ours: readonly string[], theirs: readonly string[], underscores: boolean): void {
  if (sameList(ours, theirs)) return;
  const mine = byName(ours);
  const strict = byName(theirs);
  for (const [name, value] of mine) {
    if (!MADE_HERE.has(name) && strict.get(name) !== value)
      throw new Violation('a field that llhttp reads otherwise', `${name}: ${value} / ${strict.get(name)}`);
  }
  const nominated = members(strict.get('connection') ?? '');
  for (const name of strict.keys()) {
    if (mine.has(name) || ENDS_HERE.has(name) || nominated.has(name)) continue;
    if (!(underscores && name.includes('_'))) throw new Violation('a field that was lost', name);
  }
}

/** The usual case: every field passed on as it came. */
function sameList(ours: readonly string[], theirs: readonly string[]): boolean {
  return ours.length === theirs.length && ours.every((text, i) => text === theirs[i]);
}

export function checkTrailers(ours: readonly string[], theirs: readonly string[]): void {
  const strict = byName(theirs);
  for (const [name, value] of byName(ours)) {
    if (strict.get(name) !== value) throw new Violation('a trailer that llhttp reads otherwise', name);
    if (NEVER_TRAILERS.includes(name)) throw new Violation('a trailer that must not be one', name);
  }
}

/** Values by lower-case name; those of one name joined, as both readers may. */
function byName(list: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] as string).toLowerCase();
    const value = trimBlanks(list[i + 1] as string);
    const before = found.get(name);
    found.set(name, before === undefined ? value : `${before},${value}`);
  }
  return found;
}

function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}

function members(value: string): ReadonlySet<string> {
  return new Set(value.split(',').map((member) => member.trim().toLowerCase()));
}
