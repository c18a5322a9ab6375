// Mirroring: a copy of the request to another cluster, whose answer nobody reads. It never delays and never
// changes the main answer; what does not fit its buffer, or finds no place, is dropped and counted.

import { FAILURE, FLAG, ProxyError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { held } from '../http/held.ts';
import { copyFields, field, type HeaderList, type RequestHead, type ResponseHead } from '../http/head.ts';
import { ownCopy } from '../http/slabs.ts';
import type { HttpStream, Piece, StreamReader } from '../http/stream.ts';
import type { RequestMirror } from '../model/route.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Clusters } from '../upstream/clusters.ts';
import type { Host } from '../upstream/host.ts';
import type { PooledConnection } from '../upstream/pooled-connection.ts';
import type { PoolWaiter } from '../upstream/pool.ts';
import type { Hcm } from './hcm.ts';
import { portColon } from './path.ts';
import type { CompiledRoute } from './route-table.ts';

const EMPTY = Buffer.alloc(0);
/** A copy whose answer takes longer is given up. */
const LONGEST_MIRROR_MS = 15_000;

const NO_MIRRORS: readonly Mirror[] = [];

/** Starts the copies that the route asks for. */
export function mirrorRequest(
  x: Exchange,
  route: CompiledRoute,
  clusters: Clusters,
  hcm: Hcm,
  end: boolean,
): readonly Mirror[] {
  // What goes through a tunnel is no body.
  if (route.mirrors.length === 0 || x.request.upgrade !== null) return NO_MIRRORS;
  return route.mirrors.flatMap((policy) => {
    if (hcm.clock.random() >= policy.fraction) return [];
    const cluster = clusters.get(clusterName(policy, x));
    if (cluster === undefined) return [];
    const mirror = new Mirror(x, cluster, policy, hcm);
    if (end) mirror.sendData(EMPTY, true);
    return [mirror];
  });
}

function clusterName({ target }: RequestMirror, x: Exchange): string {
  return target.kind === 'cluster' ? target.name : (field(x.request.headers, target.name) ?? '');
}

/** `svc.test` -> `svc.test-shadow`, before the port. */
function shadowHost(authority: string): string {
  const colon = portColon(authority);
  return colon === -1 ? `${authority}-shadow` : `${authority.slice(0, colon)}-shadow${authority.slice(colon)}`;
}

export class Mirror implements PoolWaiter, StreamReader<ResponseHead> {
  #pieces: Piece[] = [];
  #bytes = 0;
  #over = false;
  #whole = false;
  #host: Host | null = null;
  #stream: HttpStream<RequestHead> | null = null;
  #held = false;
  readonly #head: RequestHead;
  readonly #cluster: Cluster;
  readonly #hcm: Hcm;

  constructor(x: Exchange, cluster: Cluster, policy: RequestMirror, hcm: Hcm) {
    const authority = policy.disableShadowHostSuffix ? x.request.authority : shadowHost(x.request.authority);
    const headers = copyFields(x.request.headers);
    headers.push('x-envoy-internal', 'true', 'x-forwarded-for', hcm.ownAddress);
    this.#head = { ...x.request, authority, headers, upgrade: null, expectsContinue: false };
    this.#cluster = cluster;
    this.#hcm = hcm;
  }

  /** The body is collected; the copy starts when the request is whole. */
  sendData(chunk: Piece, end: boolean): void {
    if (this.#over) return;
    if (this.#bytes + chunk.length > this.#hcm.bufferLimit || (chunk.length > 0 && held.full)) {
      this.#abandon();
      return;
    }
    this.#bytes = held.replace(this.#bytes, this.#bytes + chunk.length);
    if (chunk.length > 0) this.#pieces.push(ownCopy(chunk));
    if (end) this.#start();
  }

  /** The request ended. A copy that is not whole by now never will be. */
  requestOver(): void {
    if (this.#whole || this.#over) return;
    this.#over = true;
    this.#release();
  }

  #release(): void {
    this.#pieces = [];
    this.#bytes = held.replace(this.#bytes, 0);
  }

  #abandon(): void {
    this.#over = true;
    this.#release();
    this.#cluster.stats.retry_or_shadow_abandoned++;
  }

  #start(): void {
    this.#whole = true;
    this.#host = this.#cluster.choose(null, 1);
    if (this.#host === null) this.#abandon();
    else this.#cluster.pool(this.#host, 'default', this.#head.version).take(this, false);
  }

  onReady(connection: PooledConnection): void {
    const breaker = this.#cluster.breaker('default');
    if (!breaker.mayRequest) {
      connection.giveBack();
      this.#abandon();
      return;
    }
    breaker.requests++;
    this.#held = true;
    this.#cluster.stats.upstream_rq_total++;
    this.#cluster.stats.upstream_rq_active++;
    const stream = connection.open(this);
    this.#stream = stream;
    this.#send(stream);
    this.#hcm.clock.after(LONGEST_MIRROR_MS, () => {
      if (this.#held) stream.reset(new ProxyError(FAILURE.responseTimeout));
      this.#done();
    });
  }

  #send(stream: HttpStream<RequestHead>): void {
    const pieces = this.#pieces;
    this.#release();
    stream.sendHead(this.#head, pieces.length === 0);
    pieces.forEach((piece, i) => {
      stream.sendData(piece, i === pieces.length - 1);
    });
  }

  onFailed(_error: ProxyError): void {
    this.#abandon();
  }

  onHead(head: ResponseHead, end: boolean): void {
    if (head.status < 200) return;
    this.#cluster.stats.external.add(head.status);
    if (end) this.#done();
  }

  onData(_chunk: Piece, end: boolean): void {
    if (end) this.#done();
  }

  onTrailers(_trailers: HeaderList): void {
    this.#done();
  }

  onDrain(): void {
    this.#stream?.resume();
  }

  onReset(error: ProxyError): void {
    if (error.row.flag === FLAG.UR) this.#cluster.stats.upstream_rq_rx_reset++;
    this.#done();
  }

  #done(): void {
    this.#over = true;
    if (!this.#held) return;
    this.#held = false;
    this.#cluster.breaker('default').requests--;
    this.#cluster.stats.upstream_rq_active--;
  }
}
