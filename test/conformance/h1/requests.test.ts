// Requests that a proxy must not misread.

import { REQUEST_GROUPS } from './corpus.ts';
import { suite } from './suite.ts';

suite(REQUEST_GROUPS);
