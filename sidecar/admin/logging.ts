// /logging: log levels by component, shown and changed. Levels have Envoy's names here.

import type { PageResponse } from '../../core/admin.ts';
import { type Level, type Logs, parseLevel } from '../../core/log.ts';

const SHOWN: Readonly<Record<Level, string>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
  fatal: 'critical',
  silent: 'off',
};

/** `level=L` for all, `paths=a:L,b:L` for some, `NAME=L` for one; nothing shows them. */
export function loggingPage(logs: Logs, query: URLSearchParams): PageResponse {
  const trouble = change(logs, query);
  if (trouble === null) return { body: `${activeLoggers(logs)}\n` };
  return { status: 400, body: `error: ${trouble}\n${USAGE}${activeLoggers(logs)}\n` };
}

const USAGE = [
  '\nusage: /logging?<name>=<level> (change single level)',
  'usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)',
  'usage: /logging?level=<level> (change all levels)',
  `levels: ${Object.values(SHOWN).join(' ')}`,
  '',
].join('\n');

function activeLoggers(logs: Logs): string {
  const lines = [...logs.levels()].map(([component, level]) => `  ${component}: ${SHOWN[level]}\n`);
  return `active loggers:\n${lines.join('')}`;
}

/** What is wrong; null: done. Nothing changes unless everything can. */
function change(logs: Logs, query: URLSearchParams): string | null {
  const wanted: [string, string][] = [];
  for (const [name, value] of query) {
    if (name === 'paths') wanted.push(...value.split(',').filter(Boolean).map(splitPair));
    else if (value !== '' || name !== 'level') wanted.push([name === 'level' ? '' : name, value]);
  }
  const levels = wanted.map(([name, text]) => ({ name, level: parseLevel(text) }));
  if (levels.some(({ level }) => level === null)) return 'unknown logger level';
  if (levels.some(({ name }) => name !== '' && !logs.levels().has(name))) return 'unknown logger name';
  for (const { name, level } of levels) {
    if (name === '') logs.setLevel(level as Level);
    else logs.setComponentLevel(name, level as Level);
  }
  return null;
}

function splitPair(pair: string): [string, string] {
  const colon = pair.lastIndexOf(':');
  return colon < 0 ? [pair, ''] : [pair.slice(0, colon), pair.slice(colon + 1)];
}
