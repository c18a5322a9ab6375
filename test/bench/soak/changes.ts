// What changes in the mesh while the soak goes on: splits move, and an instance leaves and comes back.

import type { Shop } from '../../../examples/tea-shop/shop.ts';

const EDIT_MS = 15_000;
const LEAVE_MS = 45_000;
const AWAY_MS = 12_000;
const LEAVER = 'catalog-v1-b';

export class Changes {
  edits = 0;
  leaves = 0;
  readonly #shop: Shop;
  readonly #timers: NodeJS.Timeout[] = [];
  #leaving: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(shop: Shop) {
    this.#shop = shop;
    this.#timers.push(setInterval(() => this.#edit(), EDIT_MS));
    this.#timers.push(
      setInterval(() => {
        this.#leaving = this.#leave();
      }, LEAVE_MS),
    );
  }

  #edit(): void {
    const [v1, v2] = this.edits++ % 2 === 0 ? [50, 50] : [90, 10];
    this.#shop.editMesh((text) =>
      text
        .replace(/version: v1, weight: \d+/, `version: v1, weight: ${v1}`)
        .replace(/version: v2, weight: \d+/, `version: v2, weight: ${v2}`),
    );
  }

  async #leave(): Promise<void> {
    const member = this.#shop.member(LEAVER);
    await member.sidecar.stop();
    await new Promise((resolve) => setTimeout(resolve, this.#stopped ? 0 : AWAY_MS));
    member.sidecar = this.#shop.startSidecar(member.plan, member.ports);
    this.leaves++;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#leaving;
  }
}
