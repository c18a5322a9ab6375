// Headers to add and to remove. Values are substitution formats, checked here and compiled by who runs them.

import type { HeaderValueOption } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import {
  HeaderValueOption_HeaderAppendAction as Action,
  HeaderValueOptionSchema,
  HeaderValueSchema,
} from '../../../proto/gen/envoy/config/core/v3/base_pb.ts';
import type { HeaderAdd, HeaderMutations } from '../../model/route.ts';
import { NO_MUTATIONS } from '../../model/route.ts';
import type { DecodeContext } from './fields.ts';
import { Fields } from './fields.ts';

/** The parts of a message that changes headers. */
export interface MutationFields {
  readonly path: string;
  readonly context: DecodeContext;
  at(name: string): string;
  invalid(name: string, reason: string): void;
  take(name: 'requestHeadersToAdd' | 'responseHeadersToAdd'): HeaderValueOption[];
  take(name: 'requestHeadersToRemove' | 'responseHeadersToRemove'): string[];
}

export function decodeMutations(f: MutationFields): HeaderMutations {
  const mutations = {
    requestAdd: decodeAdds(f, 'requestHeadersToAdd', f.take('requestHeadersToAdd')),
    requestRemove: decodeRemovals(f, 'requestHeadersToRemove', f.take('requestHeadersToRemove')),
    responseAdd: decodeAdds(f, 'responseHeadersToAdd', f.take('responseHeadersToAdd')),
    responseRemove: decodeRemovals(f, 'responseHeadersToRemove', f.take('responseHeadersToRemove')),
  };
  return Object.values(mutations).every((list) => list.length === 0) ? NO_MUTATIONS : mutations;
}

export function decodeAdds(
  f: Pick<MutationFields, 'at' | 'context'>,
  name: string,
  options: readonly HeaderValueOption[],
): HeaderAdd[] {
  return options.map((option, index) =>
    decodeAdd(new Fields(HeaderValueOptionSchema, option, `${f.at(name)}[${index}]`, f.context)),
  );
}

const ACTIONS: Readonly<Record<Action, HeaderAdd['action']>> = {
  [Action.APPEND_IF_EXISTS_OR_ADD]: 'append',
  [Action.ADD_IF_ABSENT]: 'add-if-absent',
  [Action.OVERWRITE_IF_EXISTS_OR_ADD]: 'overwrite-or-add',
  [Action.OVERWRITE_IF_EXISTS]: 'overwrite',
};

function decodeAdd(f: Fields<typeof HeaderValueOptionSchema>): HeaderAdd {
  const header = f.child('header', HeaderValueSchema);
  const append = f.take('append');
  const action = f.take('appendAction');
  const keepEmpty = f.take('keepEmptyValue');
  f.end();
  if (append !== undefined && action !== Action.APPEND_IF_EXISTS_OR_ADD)
    f.invalid('append', 'must not be given together with append_action');
  const pair = header === null ? { name: '', value: '' } : decodePair(header);
  return { ...pair, action: append === false ? 'overwrite-or-add' : (ACTIONS[action] ?? 'append'), keepEmpty };
}

function decodePair(f: Fields<typeof HeaderValueSchema>): { name: string; value: string } {
  const name = f.take('key').toLowerCase();
  const raw = f.take('rawValue');
  const text = f.take('value');
  f.end();
  const value = text === '' ? Buffer.from(raw).toString('latin1') : text;
  if (name.startsWith(':') || name === 'host')
    f.invalid('key', `"${name}": ":"-prefixed or host headers may not be modified`);
  const problem = f.context.checkFormat(value);
  if (problem !== null) f.invalid('value', problem);
  return { name, value };
}

function decodeRemovals(f: MutationFields, field: string, names: readonly string[]): string[] {
  return names.map((given, index) => {
    const name = given.toLowerCase();
    if (name.startsWith(':') || name === 'host') {
      f.context.problems.add(
        'invalid',
        `${f.at(field)}[${index}]`,
        `"${name}": ":"-prefixed or host headers may not be removed`,
      );
    }
    return name;
  });
}
