// tally.ts as a process that can be killed: `tally-program.ts PORT BOOK`. The book is a file, written before
// each answer, so that it tells the truth whatever happens next. KEEP_ALIVE_MS: connections that rest so long
// end. SIGTERM: three seconds of draining, then the end.

import { appendFileSync } from 'node:fs';
import { startTally } from './tally.ts';

const DRAIN_MS = 3000;

const [port, book] = process.argv.slice(2) as [string, string];
const tally = await startTally(Number(port), (id) => appendFileSync(book, `${id}\n`));
const keepAlive = Number(process.env['KEEP_ALIVE_MS'] ?? 0);
if (keepAlive > 0) Object.assign(tally.server, { keepAliveTimeout: keepAlive, keepAliveTimeoutBuffer: 0 });
process.on('SIGTERM', () => {
  tally.drain();
  setTimeout(() => process.exit(0), DRAIN_MS);
});
process.stdout.write('ready\n');
