// Formats of log lines and of bodies of our own: text or JSON, every operator checked.

import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { DataSourceSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { SubstitutionFormatStringSchema } from '../../../proto/gen/envoy/config/core/v3/substitution_format_string_pb.ts';
import { structToPlain } from '../../../proto/scalars.ts';
import type { BodyFormat, LogFormat } from '../../model/access-log.ts';
import { decodeData } from './data-source.ts';
import type { DecodeContext, Fields } from './fields.ts';

type JsonFormatOf = Extract<LogFormat, { kind: 'json' }>['json'];

export function decodeBodyFormat(f: Fields<typeof SubstitutionFormatStringSchema>): BodyFormat {
  const contentType = f.take('contentType') || null;
  return { format: decodeLogFormat(f), contentType };
}

export function decodeLogFormat(f: Fields<typeof SubstitutionFormatStringSchema>): LogFormat {
  const format = f.take('format');
  const omitEmpty = f.take('omitEmptyValues');
  // Keys are always sorted; the content type is of no interest to a log.
  f.ignore('jsonFormatOptions', 'contentType');
  f.end();
  switch (format.case) {
    case 'jsonFormat':
      return jsonFormat(format.value, f.at('jsonFormat'), omitEmpty, f.context);
    case 'textFormat':
      return textFormat(format.value, f.at('textFormat'), omitEmpty, f.context);
    case 'textFormatSource': {
      const source = f.choice('textFormatSource', format.value, DataSourceSchema);
      return textFormat(decodeData(source)?.toString('utf8') ?? '', source.path, omitEmpty, f.context);
    }
    case undefined:
      return { kind: 'text', text: '', omitEmpty };
  }
}

export function textFormat(text: string, path: string, omitEmpty: boolean, context: DecodeContext): LogFormat {
  const problem = context.checkFormat(text);
  if (problem !== null) context.problems.add('invalid', path, problem);
  return { kind: 'text', text, omitEmpty };
}

export function jsonFormat(json: JsonObject, path: string, omitEmpty: boolean, context: DecodeContext): LogFormat {
  checkLeaves(json, path, context);
  return { kind: 'json', json: structToPlain(json) as JsonFormatOf, omitEmpty, sortKeys: true };
}

function checkLeaves(value: JsonValue, path: string, context: DecodeContext): void {
  if (typeof value === 'string') {
    const problem = context.checkFormat(value);
    if (problem !== null) context.problems.add('invalid', path, problem);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value))
      checkLeaves(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, context);
  }
}
