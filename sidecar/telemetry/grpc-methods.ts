// The gRPC figures of one cluster: a cell for each method, made with its first call and kept. Callers make up
// methods as they like, so there is room for so many; the others are counted together.

import { GrpcStats } from './cells/grpc.ts';

/** Methods of one cluster with figures of their own. */
export const MOST_GRPC_METHODS = 200;
/** A service and a method with longer names, in characters, have none. */
export const LONGEST_GRPC_METHOD = 256;

/** Where cells are shown from. */
export interface GrpcScopes {
  open(prefix: string, labels: string, make: () => GrpcStats): GrpcStats;
  readonly scopes: { delete(prefix: string): boolean };
}

/** How figures are called. */
export interface GrpcNames {
  /** In front of what is counted of all methods together, e.g. `cluster.web.grpc.` */
  readonly prefix: string;
  readonly labels: string;
  /** The same for one method. */
  of(service: string, method: string): { readonly prefix: string; readonly labels: string };
}

export class GrpcMethods {
  /** The cluster was removed: there are other ones, or will be, where this came from. */
  gone = false;
  readonly #names: GrpcNames;
  readonly #scopes: GrpcScopes;
  readonly #own = new Map<string, GrpcStats>();
  #together: GrpcStats | null = null;

  constructor(names: GrpcNames, scopes: GrpcScopes) {
    this.#names = names;
    this.#scopes = scopes;
  }

  /** For methods that are not told apart: `cluster.web.grpc.total`, as in Envoy. */
  get together(): GrpcStats {
    this.#together ??= this.#scopes.open(this.#names.prefix, this.#names.labels, () => new GrpcStats());
    return this.#together;
  }

  /** The method's own cell; the common one where there is no more room. */
  method(service: string, method: string): GrpcStats {
    if (service.length + method.length > LONGEST_GRPC_METHOD) return this.together;
    const { prefix, labels } = this.#names.of(service, method);
    const found = this.#own.get(prefix);
    if (found !== undefined) return found;
    if (this.#own.size >= MOST_GRPC_METHODS) return this.together;
    const made = this.#scopes.open(prefix, labels, () => new GrpcStats());
    this.#own.set(prefix, made);
    return made;
  }

  /** Nothing of it is shown any more. */
  drop(): void {
    this.gone = true;
    for (const prefix of [this.#names.prefix, ...this.#own.keys()]) this.#scopes.scopes.delete(prefix);
  }
}
