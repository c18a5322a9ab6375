// Which listener has which address, while a response is judged: two cannot have one, and the one that was
// there first keeps it.

import { hostPort, isPipe } from '../../core/addresses.ts';
import type { Listener } from '../model/listener.ts';
import type { Refusal } from './source.ts';

export class ListenerAddresses {
  readonly #takenBy = new Map<string, string>();

  constructor(listeners: Iterable<Listener>) {
    for (const listener of listeners) this.add(listener);
  }

  add(listener: Listener): void {
    if (!listener.bindToPort) return;
    for (const { host, port } of listener.addresses) this.#takenBy.set(hostPort(host, port), listener.name);
  }

  /** Why a listener cannot have its addresses, or null. Port 0 is another port each time. */
  clash(listener: Listener): Refusal | null {
    if (!listener.bindToPort) return null;
    for (const { host, port } of listener.addresses) {
      const address = hostPort(host, port);
      const other = port === 0 && !isPipe(host) ? undefined : this.#takenBy.get(address);
      if (other !== undefined && other !== listener.name)
        return {
          name: listener.name,
          field: 'address',
          reason: `${address} is the address of listener "${other}" already`,
        };
    }
    return null;
  }
}
