// `npm run bench`: what a request costs us and our peers, measured side by side; with a verb, one claim of
// docs/performance.md each. A bench whose bound is broken ends with 1.

import { bodies } from './bodies/bodies.ts';
import { concurrency } from './concurrency/concurrency.ts';
import { endpoints } from './endpoints/endpoints.ts';
import { growth } from './growth/growth.ts';
import { idle } from './idle/idle.ts';
import { macro } from './macro.ts';
import { micro } from './micro.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { rate } from './rate/rate.ts';
import { streams } from './streams/streams.ts';
import { soak } from './soak/soak.ts';
import { windows } from './windows/windows.ts';

async function run(options: Options): Promise<void> {
  switch (options.kind) {
    case 'macro':
      return macro(options);
    case 'rate':
      return rate(options);
    case 'concurrency':
      return concurrency(options);
    case 'micro':
      return micro(options.only);
    case 'bodies':
      return bodies(options);
    case 'idle':
      return idle(options);
    case 'streams':
      return streams(options);
    case 'windows':
      return windows(options);
    case 'soak':
      return soak(options);
    case 'endpoints':
      return endpoints(options);
    case 'growth':
      return growth(options);
  }
}

const options = readOptions(process.argv.slice(2));
if (options === null) process.stdout.write(USAGE);
else await run(options);
