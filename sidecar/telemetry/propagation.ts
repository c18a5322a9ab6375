// Trace context on the wire: W3C traceparent and B3, in one header or in several. Read strictly, so that a
// broken header starts a new trace instead of a broken one.
// https://www.w3.org/TR/trace-context/  https://github.com/openzipkin/b3-propagation

/** A place in a trace. */
export interface TraceContext {
  /** 32 hex digits, lower case, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, lower case, not all zero. */
  readonly spanId: string;
  /** null: whoever sent it left the decision to us (B3). */
  readonly sampled: boolean | null;
  readonly form: 'w3c' | 'b3' | 'b3-multi';
}

/** First value by lower-case name, or null. */
export type ReadHeader = (name: string) => string | null;
export type WriteHeader = (name: string, value: string) => void;

/** traceparent first, then b3, then X-B3-*; null: the request belongs to no trace. */
export function readContext(read: ReadHeader): TraceContext | null {
  return readTraceparent(read('traceparent')) ?? readB3(read('b3')) ?? readB3Multi(read);
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function readTraceparent(text: string | null): TraceContext | null {
  const found = text === null ? null : TRACEPARENT.exec(text.trim());
  if (found === null) return null;
  const [, version, traceId = '', spanId = '', flags = '', more] = found;
  // Version ff is invalid; version 00 ends after the flags, later ones may go on.
  if (version === 'ff' || (version === '00' && more !== undefined)) return null;
  if (isZero(traceId) || isZero(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, form: 'w3c' };
}

const B3 = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/;

function readB3(text: string | null): TraceContext | null {
  const found = text === null ? null : B3.exec(text.trim().toLowerCase());
  if (found === null) return null;
  const [, traceId = '', spanId = '', sampled] = found;
  return b3Context(traceId, spanId, sampled, 'b3');
}

function readB3Multi(read: ReadHeader): TraceContext | null {
  const traceId = read('x-b3-traceid')?.toLowerCase() ?? '';
  const spanId = read('x-b3-spanid')?.toLowerCase() ?? '';
  if (!/^([0-9a-f]{32}|[0-9a-f]{16})$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return null;
  return b3Context(traceId, spanId, read('x-b3-flags') === '1' ? 'd' : (read('x-b3-sampled') ?? undefined), 'b3-multi');
}

/** 64-bit trace ids are widened with zeros. */
function b3Context(
  traceId: string,
  spanId: string,
  sampled: string | undefined,
  form: TraceContext['form'],
): TraceContext | null {
  if (isZero(traceId) || isZero(spanId)) return null;
  const said = sampled === undefined ? null : sampled === '1' || sampled === 'd' || sampled === 'true';
  return { traceId: traceId.padStart(32, '0'), spanId, sampled: said, form };
}

function isZero(hex: string): boolean {
  return /^0+$/.test(hex);
}

/** traceparent always; B3 too in the form in which the trace came. tracestate and baggage pass untouched. */
export function writeContext(write: WriteHeader, context: TraceContext, parentSpanId: string | null): void {
  const bit = context.sampled === true ? '1' : '0';
  write('traceparent', `00-${context.traceId}-${context.spanId}-0${bit}`);
  if (context.form === 'b3')
    write('b3', `${context.traceId}-${context.spanId}-${bit}${parentSpanId === null ? '' : `-${parentSpanId}`}`);
  if (context.form !== 'b3-multi') return;
  write('x-b3-traceid', context.traceId);
  write('x-b3-spanid', context.spanId);
  write('x-b3-sampled', bit);
  if (parentSpanId !== null) write('x-b3-parentspanid', parentSpanId);
}

/** `digits` random hex digits, not all zero; `random` is uniform in [0, 1). */
export function randomHex(digits: number, random: () => number): string {
  for (;;) {
    let text = '';
    while (text.length < digits)
      text += Math.floor(random() * 0x10000)
        .toString(16)
        .padStart(4, '0');
    if (!isZero(text)) return text;
  }
}
