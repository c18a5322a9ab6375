// The whole corpus, in groups. Letters and numbers are those of the rule book's rows where there is one;
// a letter behind the number is one more spelling of it.

import { ANSWER_BODIES } from './entries/answer-bodies.ts';
import { ANSWER_HEADS } from './entries/answer-heads.ts';
import { CHUNKED } from './entries/chunked.ts';
import { CONNECTIONS } from './entries/connections.ts';
import { FIELDS } from './entries/fields.ts';
import { FRAMING } from './entries/framing.ts';
import { HOSTS } from './entries/hosts.ts';
import { INTERIM_ANSWERS } from './entries/interim.ts';
import { LEAVING_FIRST } from './entries/leaving.ts';
import { NOMINATED_FIELDS } from './entries/nominated.ts';
import { REQUEST_LINES } from './entries/request-lines.ts';
import { TARGETS } from './entries/targets.ts';
import { TRAILERS } from './entries/trailers.ts';
import { UPGRADES } from './entries/upgrades.ts';
import { WAITING } from './entries/waiting.ts';
import type { Group } from './entry.ts';

export const REQUEST_GROUPS: readonly Group[] = [
  { name: 'Framing fields', entries: FRAMING },
  { name: 'Chunked bodies', entries: CHUNKED },
  { name: 'Trailers', entries: TRAILERS },
  { name: 'Field lines', entries: FIELDS },
  { name: 'Request lines', entries: REQUEST_LINES },
  { name: 'Targets', entries: TARGETS },
  { name: 'Host', entries: HOSTS },
];

export const EXCHANGE_GROUPS: readonly Group[] = [
  { name: 'Nominated and hop-by-hop fields', entries: NOMINATED_FIELDS },
  { name: 'Connections and methods', entries: CONNECTIONS },
  { name: 'Expectations and early answers', entries: WAITING },
  { name: 'Broken ends and repetition', entries: LEAVING_FIRST },
  { name: 'Upgrades', entries: UPGRADES },
  { name: 'Heads of answers', entries: ANSWER_HEADS },
  { name: 'Bodies of answers', entries: ANSWER_BODIES },
  { name: 'Interim answers', entries: INTERIM_ANSWERS },
];

export const CORPUS: readonly Group[] = [...REQUEST_GROUPS, ...EXCHANGE_GROUPS];
