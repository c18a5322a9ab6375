// A header list as tracing reads and writes it.

import { field, type HeaderList, removeField, setField } from '../http/head.ts';
import type { HeaderAccess } from '../telemetry/tracing.ts';

export class HeaderAccessOf implements HeaderAccess {
  readonly #headers: HeaderList;

  constructor(headers: HeaderList) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    return field(this.#headers, name);
  }

  set(name: string, value: string): void {
    setField(this.#headers, name, value);
  }

  remove(name: string): void {
    removeField(this.#headers, name);
  }
}
