// What passes between two connections: who ends them and when, what goes on, and what an origin may say.

import { EXCHANGE_GROUPS } from './corpus.ts';
import { suite } from './suite.ts';

suite(EXCHANGE_GROUPS);
