// Access loggers and local replies as data. Formats are substitution texts, checked when decoded and
// compiled in telemetry/format.ts.

import type { Fraction, HeaderMatch } from './match.ts';
import type { HeaderAdd } from './route.ts';

export interface AccessLog {
  readonly sink: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'stdout' | 'stderr' };
  readonly format: LogFormat;
  readonly filter: AccessLogFilter | null;
}

export type JsonFormat =
  | string
  | number
  | boolean
  | null
  | { readonly [key: string]: JsonFormat }
  | readonly JsonFormat[];

export type LogFormat =
  | { readonly kind: 'text'; readonly text: string; readonly omitEmpty: boolean }
  | {
      readonly kind: 'json';
      readonly json: { readonly [key: string]: JsonFormat };
      readonly omitEmpty: boolean;
      readonly sortKeys: boolean;
    };

export interface BodyFormat {
  readonly format: LogFormat;
  /** null: text/plain, or application/json for a JSON format. */
  readonly contentType: string | null;
}

export interface Comparison {
  readonly op: 'eq' | 'ge' | 'le' | 'ne';
  readonly value: number;
}

export type AccessLogFilter =
  | { readonly kind: 'status' | 'duration' | 'grpc-status-number'; readonly comparison: Comparison }
  | { readonly kind: 'not-health-check' }
  | { readonly kind: 'traceable' }
  | { readonly kind: 'fraction'; readonly fraction: Fraction }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly AccessLogFilter[] }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  /** Empty: any flag at all. */
  | { readonly kind: 'response-flags'; readonly flags: readonly string[] }
  | { readonly kind: 'grpc-status'; readonly statuses: readonly number[]; readonly exclude: boolean };

export interface LocalReplyConfig {
  readonly mappers: readonly LocalReplyMapper[];
  readonly bodyFormat: BodyFormat | null;
}

export interface LocalReplyMapper {
  readonly filter: AccessLogFilter;
  readonly status: number | null;
  readonly body: string | null;
  readonly bodyFormat: BodyFormat | null;
  readonly headersToAdd: readonly HeaderAdd[];
}
