// The command `fairlead`.
//
// While a program starts it runs much that it never runs again. Compiling that leaves traces: the compilers' own pages,
// what they allocate and what they make (measured: 15 of 84 MB at rest). So everything is interpreted until `compile`
// of core/compiler.ts is called. Loading two modules already wakes the compilers: nothing is imported before.

import { setFlagsFromString } from 'node:v8';

for (const name of ['sparkplug', 'maglev', 'turbofan']) setFlagsFromString(`--no-${name}`);
const { runCommandLine } = await import('./command-line.ts');
const out = (text: string) => process.stdout.write(text);
const err = (text: string) => process.stderr.write(text);
process.exitCode = await runCommandLine(process.argv.slice(2), { environment: process.env, out, err });
