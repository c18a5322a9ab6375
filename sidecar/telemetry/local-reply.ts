// What the operator wants our own answers to look like: mappers by status, flag or header, and one format
// for all bodies. Values of added headers see the answer as it was, the body as it becomes (as Envoy does).

import type { BodyFormat, LocalReplyConfig, LocalReplyMapper } from '../model/access-log.ts';
import type { HeaderAdd } from '../model/route.ts';
import type { RequestFacts } from './facts.ts';
import { compileFormat, compileText, HEADER_OPTIONS } from './format.ts';
import { encoded } from './format/value.ts';
import { compileFilter, type FactsFilter } from './log-filter.ts';

/** An answer of ours. `body` is bytes as latin1. */
export interface LocalAnswer {
  readonly status: number;
  readonly body: string;
}

export interface MappedAnswer extends LocalAnswer {
  /** null: nothing said how the body is formatted, it stays what it is. */
  readonly contentType: string | null;
  readonly headers: readonly MappedHeader[];
}

export interface MappedHeader {
  readonly name: string;
  readonly value: string;
  readonly action: HeaderAdd['action'];
  readonly keepEmpty: boolean;
}

/** `facts` tells what the request looks like with that status and body. */
export type CompiledLocalReply = (answer: LocalAnswer, facts: (answer: LocalAnswer) => RequestFacts) => MappedAnswer;

export function compileLocalReply(config: LocalReplyConfig, random: () => number): CompiledLocalReply {
  const mappers = config.mappers.map((mapper) => compileMapper(mapper, random));
  const byDefault = config.bodyFormat === null ? null : compileBody(config.bodyFormat);
  return (answer, facts) => {
    const before = facts(answer);
    const mapper = mappers.find(({ applies }) => applies(before));
    const headers = mapper?.headers(before) ?? [];
    const mapped = { status: mapper?.status ?? answer.status, body: mapper?.body ?? answer.body };
    const format = mapper?.format ?? byDefault;
    if (format === null) return { ...mapped, contentType: null, headers };
    return { status: mapped.status, body: format.write(facts(mapped)), contentType: format.contentType, headers };
  };
}

interface CompiledMapper {
  readonly applies: FactsFilter;
  readonly status: number | null;
  readonly body: string | null;
  readonly format: CompiledBody | null;
  headers(facts: RequestFacts): MappedHeader[];
}

interface CompiledBody {
  readonly contentType: string;
  write(facts: RequestFacts): string;
}

function compileMapper(mapper: LocalReplyMapper, random: () => number): CompiledMapper {
  const adds = mapper.headersToAdd.map((add) => ({ add, value: compileText(add.value, HEADER_OPTIONS) }));
  return {
    applies: compileFilter(mapper.filter, random),
    status: mapper.status,
    body: mapper.body === null ? null : encoded(mapper.body),
    format: mapper.bodyFormat === null ? null : compileBody(mapper.bodyFormat),
    headers: (facts) =>
      adds.map(({ add: { name, action, keepEmpty }, value }) => ({ name, value: value(facts), action, keepEmpty })),
  };
}

function compileBody({ format, contentType }: BodyFormat): CompiledBody {
  const byKind = format.kind === 'json' ? 'application/json' : 'text/plain';
  return { contentType: contentType ?? byKind, write: compileFormat(format, { absent: '-', multiline: true }) };
}
