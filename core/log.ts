// Application logs: one pino root for the program, a child for each component, levels that can be changed
// while it runs. JSON lines with level names and ISO time; on a terminal, short readable lines.

import { styleText } from 'node:util';
import pino from 'pino';
import { isoTime } from './iso-time.ts';

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type Level = (typeof LEVELS)[number];

/** What is logged through. `fields` come first, as in pino: `log.warn({ error }, 'what happened')`. */
export type Log = Pick<pino.Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'>;

export interface Logs {
  /** The logger of a component; the same one for the same name. */
  child(component: string): Log;
  /** Levels as they stand, by component. */
  levels(): ReadonlyMap<string, Level>;
  /** Every component's level, and that of components to come. */
  setLevel(level: Level): void;
  /** false: there is no such component. */
  setComponentLevel(component: string, level: Level): boolean;
  /** A line that another thread made, as it is. */
  writeLine(line: string): void;
  /** What was logged so far is written when this returns. */
  flush(): void;
}

export interface LogOptions {
  /** `info`, or `info,xds:debug,http:trace`; see parseLevels. */
  readonly levels: LevelSettings;
  /** Where lines go: a file descriptor or a path. Default 2 (stderr): stdout belongs to data. */
  readonly to?: number | string;
  /** Default: the descriptor is a terminal. */
  readonly pretty?: boolean;
  /** Takes the lines instead: a test, or a thread that has another one write them. */
  readonly write?: (line: string) => void;
  /** In every line. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface LevelSettings {
  readonly root: Level;
  readonly components: ReadonlyMap<string, Level>;
}

/** Fields that must never be seen, wherever a careless caller puts them. */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'proxy-authorization',
  'x-api-key',
  'token',
  'password',
  'privateKey',
  'private_key',
  'joinToken',
];
const REDACTED = SECRET_FIELDS.flatMap((name) => [
  `["${name}"]`,
  `*["${name}"]`,
  `headers["${name}"]`,
  `*.headers["${name}"]`,
]);

/** Envoy's names for levels that pino calls otherwise. */
const SYNONYMS: Readonly<Record<string, Level>> = { warning: 'warn', critical: 'fatal', err: 'error', off: 'silent' };

/** null: no such level. */
export function parseLevel(text: string): Level | null {
  const name = text.trim().toLowerCase();
  return SYNONYMS[name] ?? LEVELS.find((level) => level === name) ?? null;
}

/** `debug`, `a:debug,b:info` or both mixed; the text says what is wrong. */
export function parseLevels(text: string, fallback: Level = 'info'): LevelSettings | string {
  const components = new Map<string, Level>();
  let root = fallback;
  for (const part of text
    .split(',')
    .map((piece) => piece.trim())
    .filter(Boolean)) {
    const colon = part.lastIndexOf(':');
    const level = parseLevel(part.slice(colon + 1));
    if (level === null) return `"${part.slice(colon + 1)}" is no log level; levels are ${LEVELS.join(', ')}`;
    if (colon < 0) root = level;
    else components.set(part.slice(0, colon), level);
  }
  return { root, components };
}

/** Bytes that may wait in memory before they are written. */
const BUFFER_BYTES = 4096;
const FLUSH_EVERY_MS = 200;

export function createLogs(options: LogOptions): Logs {
  const destination = openDestination(options);
  const root = pino(
    {
      level: 'trace',
      base: options.fields ?? null,
      timestamp: () => `,"time":"${isoTime(Date.now())}"`,
      formatters: { level: (level) => ({ level }) },
      redact: { paths: REDACTED, censor: '[redacted]' },
      serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    },
    destination.stream,
  );
  const children = new Map<string, pino.Logger>();
  let level = options.levels.root;
  return {
    child(component) {
      const found = children.get(component);
      if (found !== undefined) return found;
      const made = root.child({ component }, { level: options.levels.components.get(component) ?? level });
      children.set(component, made);
      return made;
    },
    levels: () => new Map([...children].map(([component, child]) => [component, child.level as Level])),
    setLevel(next) {
      level = next;
      for (const child of children.values()) child.level = next;
    },
    setComponentLevel(component, next) {
      const child = children.get(component);
      if (child !== undefined) child.level = next;
      return child !== undefined;
    },
    writeLine: (line) => void destination.stream.write(line),
    flush: destination.flush,
  };
}

interface Destination {
  readonly stream: pino.DestinationStream;
  flush(): void;
}

function openDestination({ to = 2, pretty, write }: LogOptions): Destination {
  if (write !== undefined)
    return { stream: { write: pretty === true ? (line) => write(prettyLine(line, false)) : write }, flush: () => {} };
  const isTerminal = typeof to === 'number' && (to === 2 ? process.stderr.isTTY : process.stdout.isTTY) === true;
  const sink = pino.destination({
    dest: to,
    sync: false,
    minLength: BUFFER_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
    mkdir: true,
  });
  const flush = () => flushQuietly(sink);
  process.on('exit', flush);
  if (!(pretty ?? isTerminal)) return { stream: sink, flush };
  return { stream: { write: (line) => sink.write(prettyLine(line, isTerminal)) }, flush };
}

/** A destination that is not open yet has nothing to flush, and says so by throwing. */
function flushQuietly(sink: { flushSync(): void }): void {
  try {
    sink.flushSync();
  } catch (error) {
    process.stderr.write(`log lines are lost: ${(error as Error).message}\n`);
  }
}

const COLORS = { trace: 'gray', debug: 'gray', info: 'green', warn: 'yellow', error: 'red', fatal: 'magenta' } as const;

/** `12:34:56.789 INFO  xds  connected  server=127.0.0.1:15010` */
function prettyLine(line: string, color: boolean): string {
  const { time, level, component, msg, error, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const name = String(level).toUpperCase().padEnd(5);
  const painted = color ? styleText(COLORS[level as keyof typeof COLORS] ?? 'white', name) : name;
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const cause = error === undefined ? [] : [String((error as { stack?: unknown }).stack ?? JSON.stringify(error))];
  return `${[String(time).slice(11, 23), painted, String(component ?? ''), String(msg ?? ''), ...fields, ...cause].join(' ')}\n`;
}
