// What our own answers look like.

import { AccessLogFilterSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts';
import { SubstitutionFormatStringSchema } from '../../../proto/gen/envoy/config/core/v3/substitution_format_string_pb.ts';
import type { LocalReplyConfigSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { ResponseMapperSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import type { LocalReplyConfig, LocalReplyMapper } from '../../model/access-log.ts';
import { decodeAccessLogFilter } from './access-log-filter.ts';
import { decodeText } from './data-source.ts';
import type { Fields } from './fields.ts';
import { decodeAdds } from './header-mutations.ts';
import { decodeBodyFormat } from './log-format.ts';

export function decodeLocalReply(f: Fields<typeof LocalReplyConfigSchema>): LocalReplyConfig {
  const format = f.child('bodyFormat', SubstitutionFormatStringSchema);
  const config = {
    mappers: f.children('mappers', ResponseMapperSchema).map(decodeMapper),
    bodyFormat: format === null ? null : decodeBodyFormat(format),
  };
  f.end();
  return config;
}

function decodeMapper(f: Fields<typeof ResponseMapperSchema>): LocalReplyMapper {
  const filter = f.child('filter', AccessLogFilterSchema);
  const format = f.child('bodyFormatOverride', SubstitutionFormatStringSchema);
  const mapper: LocalReplyMapper = {
    filter: filter === null ? { kind: 'fraction', fraction: 0 } : decodeAccessLogFilter(filter),
    status: f.take('statusCode') ?? null,
    body: decodeText(f, 'body', f.take('body')),
    bodyFormat: format === null ? null : decodeBodyFormat(format),
    headersToAdd: decodeAdds(f, 'headersToAdd', f.take('headersToAdd')),
  };
  f.end();
  return mapper;
}
