// What one client asked for and holds, for one type on one stream; pure. Every odd rule of the protocol is
// a branch here, with the line of the xDS protocol page ("XP") that it comes from.

import type { Resource } from './snapshot.ts';

/** A discovery request, as far as subscriptions care. */
export interface Ask {
  readonly names: readonly string[];
  readonly nonce: string;
  readonly version: string;
  /** error_detail.message; null: no error_detail. */
  readonly error: string | null;
}

/** The one response that has been neither accepted nor refused yet. */
export interface Pending {
  readonly nonce: string;
  readonly version: string;
  readonly sent: readonly Resource[];
}

export interface Refusal {
  readonly version: string;
  readonly reason: string;
}

export interface Subscription {
  readonly wildcard: boolean;
  readonly names: ReadonlySet<string>;
  /** A name or `*` was asked for once: an empty list no longer means everything. */
  readonly named: boolean;
  /** Nonce of the last response sent; '' before the first. */
  readonly lastNonce: string;
  readonly pending: Pending | null;
  /** What was sent and not refused, by name. */
  readonly held: ReadonlyMap<string, Resource>;
  /** What the client accepted last, by name: it goes on with this when it refuses something newer. */
  readonly accepted: ReadonlyMap<string, Resource>;
  /** Refused versions by name; never sent again unchanged. */
  readonly refused: ReadonlyMap<string, Refusal>;
  /** Set version that was refused without saying which resource; not sent again unchanged. */
  readonly refusedSet: Refusal | null;
  /** Names to be sent whatever the client holds: asked for anew, or their cluster changed. */
  readonly fresh: ReadonlySet<string>;
  /** A request waits for an answer even if there is nothing to tell. */
  readonly owed: boolean;
  readonly versionSent: string;
  readonly versionAccepted: string;
  /** Names that the last response brought anew, the very first response aside. */
  readonly recent: ReadonlySet<string>;
}

export type Outcome = 'subscribe' | 'ack' | 'nack' | 'stale';

export interface Verdict {
  readonly next: Subscription;
  readonly outcome: Outcome;
}

export const NEW_SUBSCRIPTION: Subscription = {
  wildcard: false,
  names: new Set(),
  named: false,
  lastNonce: '',
  pending: null,
  held: new Map(),
  accepted: new Map(),
  refused: new Map(),
  refusedSet: null,
  fresh: new Set(),
  owed: false,
  versionSent: '',
  versionAccepted: '',
  recent: new Set(),
};

export interface Rules {
  /** Everything is listed in each response, and an empty first request means everything: LDS and CDS. */
  readonly fullState: boolean;
  /** gRPC clients never mean "everything" with an empty list. */
  readonly legacyWildcard: boolean;
}

/** Applies a request to what was known (null: the first of its type on this stream). */
export function onRequest(known: Subscription | null, ask: Ask, rules: Rules): Verdict {
  // XP "ACK/NACK": an empty nonce starts anew even with a version (a reconnect); an unknown nonce for a type
  // without state on this stream belongs to an earlier stream and means the same.
  if (known === null || known.lastNonce === '')
    return { next: subscribe(known ?? NEW_SUBSCRIPTION, ask, rules, true), outcome: 'subscribe' };
  if (ask.nonce === '')
    return { next: subscribe({ ...forget(known), named: known.named }, ask, rules, true), outcome: 'subscribe' };
  // XP: a nonce that is not the last one sent answers something already superseded; it is not answered. But
  // a client that had dropped everything and asks for names again with an old nonce would hang for ever.
  if (ask.nonce !== known.lastNonce) {
    const dropped = known.names.size === 0 && !known.wildcard && ask.names.length > 0;
    return dropped
      ? { next: subscribe({ ...known, pending: null }, ask, rules, false), outcome: 'subscribe' }
      : { next: known, outcome: 'stale' };
  }
  // A NACK is known by error_detail alone, never by its version: the client may stay on a version and only
  // change names. Its change of names counts all the same.
  if (ask.error !== null) return { next: subscribe(refuse(known, ask.error), ask, rules, false), outcome: 'nack' };
  const acked = accept(known);
  return { next: subscribe(acked, ask, rules, false), outcome: 'ack' };
}

/** After a reconnect on the same stream the client is told everything again. */
function forget(known: Subscription): Subscription {
  return {
    ...NEW_SUBSCRIPTION,
    lastNonce: known.lastNonce,
    refused: known.refused,
    versionSent: known.versionSent,
    versionAccepted: known.versionAccepted,
  };
}

/** The names of a request are the full set: what is missing is unsubscribed, what is new is owed. */
function subscribe(known: Subscription, ask: Ask, rules: Rules, first: boolean): Subscription {
  const asked = new Set(ask.names);
  const star = asked.delete('*');
  const named = known.named || ask.names.length > 0;
  // XP "wildcard": an empty list means everything only for LDS and CDS, and only until a name or `*` was
  // sent on this stream; after that it unsubscribes from all. `[*, A]` is everything, and A in any case.
  const wildcard = star || (ask.names.length === 0 && !named && rules.fullState && rules.legacyWildcard);
  const added = [...asked].filter((name) => !known.names.has(name));
  const held = wildcard ? known.held : only(known.held, asked);
  const accepted = wildcard ? known.accepted : only(known.accepted, asked);
  const fresh = new Set([...known.fresh, ...added].filter((name) => wildcard || asked.has(name)));
  // A full state says of a new name also that it does not exist, so that the client need not wait for it.
  const widened = (wildcard && !known.wildcard) || (rules.fullState && added.length > 0);
  return {
    ...known,
    wildcard,
    named,
    names: asked,
    held,
    accepted,
    fresh,
    owed: known.owed || widened || (first && (wildcard || asked.size > 0)),
  };
}

function only<T>(map: ReadonlyMap<string, T>, names: ReadonlySet<string>): ReadonlyMap<string, T> {
  return [...map.keys()].every((name) => names.has(name)) ? map : new Map([...map].filter(([name]) => names.has(name)));
}

function accept(known: Subscription): Subscription {
  const { pending } = known;
  if (pending === null) return known;
  const accepted = new Map(known.accepted);
  const refused = new Map(known.refused);
  for (const resource of pending.sent) {
    if (known.held.has(resource.name)) accepted.set(resource.name, resource);
    refused.delete(resource.name);
  }
  return {
    ...known,
    pending: null,
    accepted: only(accepted, new Set(known.held.keys())),
    refused,
    refusedSet: null,
    versionAccepted: pending.version,
  };
}

/**
 * Which of the resources that were new in the response the client refused: those that it names, or the only
 * one there was; where neither tells, the response as a whole.
 */
function refuse(known: Subscription, reason: string): Subscription {
  const { pending } = known;
  if (pending === null) return known;
  const changed = pending.sent.filter((resource) => known.accepted.get(resource.name)?.version !== resource.version);
  const named = changed.filter((resource) => mentions(reason, resource.name));
  const bad = named.length > 0 ? named : changed.length === 1 ? changed : [];
  const refused = new Map(known.refused);
  const held = new Map(known.held);
  const accepted = new Map(known.accepted);
  for (const resource of bad) refused.set(resource.name, { version: resource.version, reason });
  for (const resource of pending.sent) {
    // The client keeps what it had; the good part of a refused response may or may not be in force.
    const before = known.accepted.get(resource.name);
    if (!bad.includes(resource)) continue;
    if (before === undefined) held.delete(resource.name);
    else held.set(resource.name, before);
  }
  return {
    ...known,
    pending: null,
    refused,
    held,
    accepted,
    refusedSet: bad.length > 0 ? null : { version: pending.version, reason },
  };
}

/** Whether a message names a resource, not merely a longer name that contains it. */
function mentions(message: string, name: string): boolean {
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 1)) {
    if (!isNamePart(message[at - 1]) && !isNamePart(message[at + name.length])) return true;
  }
  return false;
}

function isNamePart(character: string | undefined): boolean {
  return character !== undefined && /[A-Za-z0-9_|~-]/.test(character);
}

/** What was put on the wire, as the client's new holding. `sent` is the full set for LDS and CDS. */
export function onSent(
  known: Subscription,
  sent: readonly Resource[],
  removed: readonly string[],
  nonce: string,
  version: string,
): Subscription {
  const held = new Map(known.held);
  for (const resource of sent) held.set(resource.name, resource);
  for (const name of removed) held.delete(name);
  const fresh = new Set(known.fresh);
  for (const resource of sent) fresh.delete(resource.name);
  const recent = new Set(
    known.versionSent === '' ? [] : sent.filter(({ name }) => !known.held.has(name)).map(({ name }) => name),
  );
  return {
    ...known,
    held,
    fresh,
    pending: { nonce, version, sent },
    lastNonce: nonce,
    owed: false,
    versionSent: version,
    recent,
  };
}

/** These names are to be sent again although they did not change. Only those asked for count. */
export function refresh(known: Subscription, names: Iterable<string>): Subscription {
  const again = [...names].filter((name) => known.wildcard || known.names.has(name));
  return again.length === 0 ? known : { ...known, fresh: new Set([...known.fresh, ...again]) };
}
