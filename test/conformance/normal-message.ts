// A message as text that two proxies can be compared by: what differs from run to run is taken out.

/** Fields whose value is another one on each run, or names the proxy. */
const VALUE_VARIES = new Set([
  'date',
  'server',
  'x-request-id',
  'x-envoy-upstream-service-time',
  'x-envoy-expected-rq-timeout-ms',
]);

/** Fields in order of their names, the body without chunk framing, and each given port as PORT. */
export function normalMessage(message: string, ports: readonly number[]): string {
  const end = message.indexOf('\r\n\r\n');
  if (end === -1) return message;
  const [first = '', ...fields] = message.slice(0, end).split('\r\n');
  const chunked = fields.some((field) => /^transfer-encoding: chunked$/i.test(field));
  const body = message.slice(end + 4);
  const text = [first, ...fields.map(normalField).sort(byName), '', chunked ? withoutChunks(body) : body].join('\n');
  return ports.reduce((so, port) => so.replaceAll(`:${port}`, ':PORT'), text);
}

function normalField(field: string): string {
  const colon = field.indexOf(':');
  const name = field.slice(0, colon).toLowerCase();
  return VALUE_VARIES.has(name) ? `${name}: *` : `${name}:${field.slice(colon + 1)}`;
}

// Fields of one name keep their order: it has a meaning.
function byName(a: string, b: string): number {
  const left = a.slice(0, a.indexOf(':'));
  const right = b.slice(0, b.indexOf(':'));
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The data of all chunks, and after it the trailers. */
function withoutChunks(body: string): string {
  let data = '';
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (lineEnd === -1 || !(size > 0)) return data + body.slice(at);
    data += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
