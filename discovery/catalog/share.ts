// Structural sharing: a freshly built value takes over every part of its predecessor that is equal, so
// that "unchanged" is `===` further down, and only what changed is translated and encoded again.

/** `next`, with every part that equals the part of `previous` at the same place replaced by that object. */
export function share<T>(previous: unknown, next: T): T {
  if (Object.is(previous, next)) return next;
  if (typeof next !== 'object' || next === null || typeof previous !== 'object' || previous === null) return next;
  if (next instanceof Map) return previous instanceof Map ? (shareMap(previous, next) as T) : next;
  if (Array.isArray(next)) return Array.isArray(previous) ? (shareArray(previous, next) as T) : next;
  return previous instanceof Map || Array.isArray(previous) ? next : shareObject(previous, next);
}

function shareMap(previous: Map<unknown, unknown>, next: Map<unknown, unknown>): Map<unknown, unknown> {
  const shared = new Map([...next].map(([key, value]) => [key, share(previous.get(key), value)]));
  const same =
    shared.size === previous.size &&
    [...shared].every(([key, value]) => previous.has(key) && previous.get(key) === value);
  return same ? previous : shared;
}

/** Lists are matched by the `name` of their entries where they have one, otherwise by position. */
function shareArray(previous: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  const byName = new Map(previous.map((entry, i) => [nameOf(entry) ?? i, entry]));
  const shared = next.map((entry, i) => share(byName.get(nameOf(entry) ?? i), entry));
  const same = shared.length === previous.length && shared.every((entry, i) => entry === previous[i]);
  return same ? previous : shared;
}

function nameOf(entry: unknown): string | null {
  const name = typeof entry === 'object' && entry !== null && 'name' in entry ? entry.name : null;
  return typeof name === 'string' ? name : null;
}

function shareObject<T extends object>(previous: object, next: T): T {
  const before = previous as Record<string, unknown>;
  const shared = Object.fromEntries(Object.entries(next).map(([key, value]) => [key, share(before[key], value)]));
  const keys = Object.keys(shared);
  const same =
    keys.length === Object.keys(before).length && keys.every((key) => key in before && before[key] === shared[key]);
  return (same ? previous : shared) as T;
}
