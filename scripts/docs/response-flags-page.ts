// docs/response-flags.md: why a request failed, from the table of failures; with where to look.

import { FAILURE, type FailureRow, FLAG, FLAG_NAMES, type FlagName } from '../../sidecar/errors.ts';
import { code, GENERATED, table } from './markdown.ts';

/** What a person does about it. null: Envoy has the flag, nothing in this version sets it. */
const ADVICE: Readonly<Record<FlagName, string | null>> = {
  LH: null,
  UH: 'No host of the cluster may be used: `/clusters` shows which are ejected, draining or missing.',
  UT: 'The upstream was too slow: the timeout of the route, or per try.',
  LR: 'We gave up on the request ourselves; the details say why.',
  UR: 'The upstream reset the connection while the request was under way.',
  UF: 'No connection to the upstream: is it listening, does its certificate carry the name we expect? `%UPSTREAM_TRANSPORT_FAILURE_REASON%` says which.',
  UC: 'The upstream closed the connection before it answered: a crash, or a keep-alive time shorter than ours.',
  UO: 'A circuit breaker is open: `/clusters` shows the limits, `/stats` the `overflow` counters.',
  NR: 'No route, or no filter chain, fits: is the name in `Host` one of the mesh? `/config_dump` shows the routes.',
  DI: null,
  FI: null,
  RL: null,
  UAEX: 'Refused by an authorization policy: may this caller call this service?',
  RLSE: null,
  DC: 'The client went away before the answer was complete.',
  DR: 'The client reset its HTTP/2 stream before the answer was complete; the connection lives on.',
  OM: 'Too many bytes of bodies wait in the process (`overload.buffered_bytes` of `/stats`): slow clients or upstreams, or `--max-buffered-mib` too small.',
  URX: 'All tries failed; the other flags say how the last one did.',
  SI: 'Nothing moved for the idle time of the stream.',
  IH: null,
  DPE: 'The client sent what is no good HTTP.',
  UMSDR: 'The request took longer than `max_stream_duration` allows.',
  RFCF: null,
  NFCF: null,
  DT: null,
  UPE: 'The upstream answered with what is no good HTTP.',
  NC: 'The route names a cluster that is not there.',
  DF: null,
  DO: 'Dropped because the endpoints say so (`drop_overloads`).',
  UDO: 'Dropped because the endpoints say that everything is to be dropped.',
};

/** The rows of FAILURE are Envoy's; several share a flag. */
const ROWS: readonly FailureRow[] = Object.values(FAILURE);

export function responseFlagsPage(): string {
  const names = Object.keys(FLAG) as FlagName[];
  const used = names.filter((name) => ADVICE[name] !== null);
  return [
    `${GENERATED}# Response flags\n`,
    'Why a request was not answered by its upstream, as Envoy says it: `%RESPONSE_FLAGS%` in the access log (`%RESPONSE_FLAGS_LONG%` for the long names), with `%RESPONSE_CODE_DETAILS%` beside it. `-` stands for none.\n',
    table(
      ['flag', 'long name', 'where to look'],
      used.map((name) => [code(name), FLAG_NAMES[name], ADVICE[name] ?? '']),
    ),
    '## Details\n',
    'What the proxy answers by itself. A gRPC client gets the column gRPC as its `grpc-status`. A request that fails with "not sent" may always be tried again, with "maybe processed" only when it is idempotent.\n',
    table(['details', 'flag', 'HTTP', 'gRPC', 'whose fault', 'for a retry'], uniqueRows()),
    '## Not set in this version\n',
    `${names
      .filter((name) => ADVICE[name] === null)
      .map((name) => `${code(name)} (${FLAG_NAMES[name]})`)
      .join(', ')}.\n`,
  ].join('\n');
}

function uniqueRows(): string[][] {
  const rows = ROWS.map(({ details, flag, status, grpc, fault, retry }) => [
    code(details),
    flag === 0 ? '' : code(flagName(flag)),
    status === 0 ? '' : String(status),
    String(grpc),
    fault,
    retry.replace('-', ' '),
  ]);
  return [...new Map(rows.map((row) => [row.join(), row])).values()];
}

function flagName(bit: number): string {
  return Object.entries(FLAG).find(([, value]) => value === bit)?.[0] ?? '';
}
