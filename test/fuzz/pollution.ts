// Whether an input reached what all objects share.

import { Violation } from './target.ts';

const SHARED: readonly object[] = [
  Object.prototype,
  Array.prototype,
  Function.prototype,
  String.prototype,
  Number.prototype,
  Boolean.prototype,
  Map.prototype,
  Set.prototype,
  RegExp.prototype,
  Uint8Array.prototype,
  Object,
  Array,
  JSON,
];

const BEFORE = SHARED.map((object) => describe(object));

function describe(object: object): readonly PropertyDescriptor[] {
  return Reflect.ownKeys(object).map((key) => Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor);
}

/** Looks for new members that loops would meet: cheap enough for every execution. */
export function checkNoNewMembers(): void {
  for (const key in {}) throw new Violation('prototype pollution', `Object.prototype.${key}`);
  for (const key in checkNoNewMembers) throw new Violation('prototype pollution', `Function.prototype.${key}`);
}

/** Compares every member. */
export function checkNothingReplaced(): void {
  for (const [i, object] of SHARED.entries()) {
    const before = BEFORE[i] as readonly PropertyDescriptor[];
    const now = describe(object);
    const same = now.length === before.length && now.every((one, at) => sameMember(one, before[at]));
    if (!same) throw new Violation('prototype pollution');
  }
}

function sameMember(a: PropertyDescriptor, b: PropertyDescriptor | undefined): boolean {
  return a.value === b?.value && a.get === b?.get && a.set === b?.set;
}
