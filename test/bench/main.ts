// `npm run bench`: what a request costs us and our peers, measured side by side.
// `npm run bench -- micro`: what the hot functions cost, one by one.

import { macro } from './macro.ts';
import { micro } from './micro.ts';
import { readOptions, USAGE } from './options.ts';

const options = readOptions(process.argv.slice(2));
if (options === null) process.stdout.write(USAGE);
else if (options.kind === 'micro') micro(options.only);
else await macro(options);
