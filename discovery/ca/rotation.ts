// Replacing the root without a failed handshake, in the only safe order: everybody trusts the new root, then
// it signs, then one longest leaf later the old one goes. Never replace a bundle in one step.

import type { Clock } from '../../core/clock.ts';
import type { Authority } from './authority.ts';

export type RotationStep = 'trusting' | 'signing' | 'done';

export interface RotationOptions {
  readonly authority: Authority;
  readonly clock: Clock;
  /** Resolves when every connected client has accepted the present bundle. */
  readonly everyoneTrusts: () => Promise<void>;
  readonly longestLeafMs: number;
  readonly onStep: (step: RotationStep) => void;
}

/** Runs a whole rotation; takes one longest leaf. */
export async function rotateRoot({
  authority,
  clock,
  everyoneTrusts,
  longestLeafMs,
  onStep,
}: RotationOptions): Promise<void> {
  const next = await authority.prepareRoot();
  onStep('trusting');
  await everyoneTrusts();
  await authority.signWith(next);
  onStep('signing');
  await new Promise<void>((resolve) => clock.after(longestLeafMs, resolve));
  await authority.dropOldRoots();
  onStep('done');
}
