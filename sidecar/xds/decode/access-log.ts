// Access loggers: where lines go, their format, and which requests are logged.

import type { Any } from '@bufbuild/protobuf/wkt';
import type { AccessLogSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import { AccessLogFilterSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import type { SubstitutionFormatString } from '../../../proto/gen/envoy/config/core/v3/substitution_format_string_pb.ts';
import { SubstitutionFormatStringSchema } from '../../../proto/gen/envoy/config/core/v3/substitution_format_string_pb.ts';
import { FileAccessLogSchema } from '../../../proto/gen/envoy/extensions/access_loggers/file/v3/file_pb.ts';
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '../../../proto/gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts';
import type { AccessLog, LogFormat } from '../../model/access-log.ts';
import { DEFAULT_LOG_TEXT } from '../../telemetry/format.ts';
import { decodeAccessLogFilter } from './access-log-filter.ts';
import { isType, openAny } from './any.ts';
import { Fields } from './fields.ts';
import { decodeLogFormat, jsonFormat, textFormat } from './log-format.ts';

/** One logger, or none after a report. */
export function decodeAccessLog(f: Fields<typeof AccessLogSchema>): AccessLog[] {
  const filter = f.child('filter', AccessLogFilterSchema);
  const config = f.take('configType');
  f.ignore('name');
  f.end();
  const decodedFilter = filter === null ? null : decodeAccessLogFilter(filter);
  const logger = config.case === undefined ? f.invalid('', 'typed_config is required') : decodeLogger(f, config.value);
  return logger === null ? [] : [{ ...logger, filter: decodedFilter }];
}

function decodeLogger(f: Fields<typeof AccessLogSchema>, config: Any): Omit<AccessLog, 'filter'> | null {
  const opened = openAny(config, f.at('typedConfig'), f.context);
  if (opened === null) return null;
  if (isType(opened, FileAccessLogSchema)) return decodeFile(opened);
  if (isType(opened, StdoutAccessLogSchema)) {
    return decodeStream(opened, 'stdout');
  }
  if (isType(opened, StderrAccessLogSchema)) {
    return decodeStream(opened, 'stderr');
  }
  opened.invalid('', `${opened.schema.typeName} is no access logger`);
  return null;
}

function decodeStream(
  f: Fields<typeof StdoutAccessLogSchema> | Fields<typeof StderrAccessLogSchema>,
  kind: 'stdout' | 'stderr',
): Omit<AccessLog, 'filter'> {
  const format = f.take('accessLogFormat');
  f.end();
  return {
    sink: { kind },
    format: format.case === undefined ? defaultFormat() : substitution(f, 'logFormat', format.value),
  };
}

function decodeFile(f: Fields<typeof FileAccessLogSchema>): Omit<AccessLog, 'filter'> {
  const format = f.take('accessLogFormat');
  const path = f.take('path');
  f.end();
  const sink = { kind: 'file' as const, path };
  switch (format.case) {
    case 'logFormat':
      return { sink, format: substitution(f, 'logFormat', format.value) };
    case 'format':
      return {
        sink,
        format: format.value === '' ? defaultFormat() : textFormat(format.value, f.at('format'), false, f.context),
      };
    case 'jsonFormat':
    case 'typedJsonFormat':
      return { sink, format: jsonFormat(format.value, f.at(format.case), false, f.context) };
    case undefined:
      return { sink, format: defaultFormat() };
  }
}

function substitution(
  f: { at(name: string): string; context: Fields<typeof FileAccessLogSchema>['context'] },
  name: string,
  value: SubstitutionFormatString,
): LogFormat {
  return decodeLogFormat(new Fields(SubstitutionFormatStringSchema, value, f.at(name), f.context));
}

function defaultFormat(): LogFormat {
  return { kind: 'text', text: DEFAULT_LOG_TEXT, omitEmpty: false };
}
