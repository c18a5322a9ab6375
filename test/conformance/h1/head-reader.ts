// Field lines as both ends of the runner read them: exact to the byte, nothing forgiven. What a proxy
// sends must be right whatever it was sent itself (RFC 9112 5, RFC 9110 5).

export interface ReadHead {
  readonly line: string;
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** What is wrong with it. */
  readonly faults: readonly string[];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/;

/** `text` without its final empty line. */
export function readHead(text: string): ReadHead {
  const [line = '', ...rest] = text.split('\r\n');
  const { fields, faults } = readFields(rest);
  if (CONTROL.test(text)) faults.push('a control character, bare CR or bare LF in a head');
  return { line, fields, faults };
}

export function readFields(lines: readonly string[]): { fields: Map<string, string[]>; faults: string[] } {
  const fields = new Map<string, string[]>();
  const faults: string[] = [];
  for (const line of lines) {
    const [, name, value = ''] = FIELD.exec(line) ?? [];
    if (name === undefined) faults.push(`no field line: ${JSON.stringify(line.slice(0, 60))}`);
    else fields.set(name.toLowerCase(), [...(fields.get(name.toLowerCase()) ?? []), value]);
  }
  return { fields, faults };
}

export type Framing =
  | { readonly kind: 'counted'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'none' };

/** How the body is delimited, and what makes that ambiguous. */
export function framingOf({ fields }: ReadHead, faults: string[]): Framing {
  const lengths = fields.get('content-length') ?? [];
  const codings = fields.get('transfer-encoding') ?? [];
  if (lengths.length + codings.length > 1) faults.push('framed more than once');
  if (codings.length > 0) {
    if (codings[0]?.toLowerCase() !== 'chunked') faults.push(`framed by ${JSON.stringify(codings[0])}`);
    return { kind: 'chunked' };
  }
  if (lengths.length === 0) return { kind: 'none' };
  const length = /^(?:0|[1-9]\d{0,15})$/.test(lengths[0] ?? '') ? Number(lengths[0]) : Number.NaN;
  if (Number.isNaN(length)) faults.push(`a length of ${JSON.stringify(lengths[0])}`);
  return { kind: 'counted', length: Number.isNaN(length) ? 0 : length };
}

/** Values of a name as one text; blanks around commas do not count. */
export function joined(fields: ReadonlyMap<string, readonly string[]>, name: string): string | null {
  const values = fields.get(name);
  return values === undefined ? null : values.join(',').replaceAll(/[ \t]*,[ \t]*/g, ',');
}
