// Plays the README of an example as a reader would: every ```sh block, in order, in one shell, at the root of
// something that looks like a checkout; what a following ```text block promises must be in the output.
// Ports are exchanged for free ones, so that examples run side by side.

import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePorts } from '../../examples/tea-shop/free-ports.ts';
import { tempDir } from '../temp-dir.ts';

export interface Step {
  readonly script: string;
  /** Lines that the output must have, in this order; `…` stands for anything. */
  readonly promised: readonly string[];
}

const ROOT = join(import.meta.dirname, '..', '..');
/** A step that has not ended by then has failed. */
const STEP_MS = 60_000;
/** What a look at the mesh promises may take so long to come true after a change. */
const SETTLE_MS = 20_000;
const PAUSE_MS = 300;
/** Commands that only look, and may be repeated until they see what was promised. */
const LOOK = /^(?:curl|tail|\.\/fairlead (?:status|health)|for )/;
const PORT = /(?<![\w./-])(?:8\d{3}|9\d{3}|15\d{3}|5\d{4})(?![\w-]|\.\d)/g;
/** The ports of programs that are told none. */
const DEFAULTS = ['15000', '15001', '15006', '15010', '15012', '15014'];

export function stepsOf(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```(sh|text)\n(.*?)^```$/gms)];
  return blocks.flatMap(([, kind, script = ''], i) => {
    if (kind !== 'sh') return [];
    const next = blocks[i + 1];
    return [{ script, promised: next?.[1] === 'text' ? (next[2] ?? '').trimEnd().split('\n') : [] }];
  });
}

/** Resolves with what each step printed at last. */
export function playReadme(t: TestContext, name: string): Promise<string[]> {
  return playPage(t, `examples/${name}/README.md`);
}

/** The same for any page of the checkout. `programs` are put on the path, by name. */
export async function playPage(
  t: TestContext,
  page: string,
  programs: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const markdown = readFileSync(join(ROOT, page), 'utf8');
  const configs = globSync(`${dirname(page)}/*.{yaml,json}`, { cwd: ROOT });
  const ports = await portMap([markdown, ...configs.map((file) => readFileSync(join(ROOT, file), 'utf8'))]);
  const folder = checkout(t, configs, ports);
  mkdirSync(join(folder, 'bin'));
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(folder, 'bin', name));
  const shell = openShell(t, folder, environmentOf(folder, ports));
  const said: string[] = [];
  for (const { script, promised } of stepsOf(exchange(markdown, ports))) said.push(await play(shell, script, promised));
  return said;
}

async function portMap(texts: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const named = new Set([...DEFAULTS, ...texts.flatMap((text) => text.match(PORT) ?? [])]);
  const free = await freePorts(named.size);
  return new Map([...named].map((port, i) => [port, free[i] as number]));
}

function exchange(text: string, ports: ReadonlyMap<string, number>): string {
  return text.replace(PORT, (port) => String(ports.get(port)));
}

/** A folder with the command, the scripts, and the configuration files with their ports exchanged. */
function checkout(t: TestContext, configs: readonly string[], ports: ReadonlyMap<string, number>): string {
  const folder = tempDir(t);
  symlinkSync(join(ROOT, 'fairlead'), join(folder, 'fairlead'));
  // Not a link: run.sh takes the folder above its own for the checkout.
  mkdirSync(join(folder, 'scripts'));
  writeFileSync(join(folder, 'scripts', 'run.sh'), `#!/bin/sh\nexec '${ROOT}/scripts/run.sh' "$@"\n`, { mode: 0o755 });
  for (const file of configs) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), exchange(readFileSync(join(ROOT, file), 'utf8'), ports));
  }
  return folder;
}

function environmentOf(folder: string, ports: ReadonlyMap<string, number>): NodeJS.ProcessEnv {
  const at = (port: string) => `127.0.0.1:${ports.get(port)}`;
  const inherited = Object.entries(process.env).filter(([variable]) => !/^(?:FAIRLEAD_|NODE_TEST_)/.test(variable));
  return {
    ...Object.fromEntries(inherited),
    PATH: [join(folder, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
    FAIRLEAD_XDS_ADDRESS: at('15010'),
    FAIRLEAD_SECURE_XDS_ADDRESS: at('15012'),
    FAIRLEAD_ADMIN_ADDRESS: at('15014'),
    FAIRLEAD_SERVER: at('15014'),
    FAIRLEAD_REGISTRY: at('15010'),
    FAIRLEAD_URL: `http://${at('15014')}/ready`,
    FAIRLEAD_ADMIN_PORT: String(ports.get('15000')),
    FAIRLEAD_OUTBOUND_PORT: String(ports.get('15001')),
    FAIRLEAD_INBOUND_PORT: String(ports.get('15006')),
  };
}

async function play(shell: Shell, script: string, promised: readonly string[]): Promise<string> {
  const mayRepeat = script
    .trimEnd()
    .split('\n')
    .every((line) => LOOK.test(line));
  const end = performance.now() + (mayRepeat ? SETTLE_MS : 0);
  for (;;) {
    const said = await shell.run(script);
    const missing = firstBroken(promised, said);
    if (missing === null) return said;
    if (performance.now() > end) {
      assert.fail(`promised: ${missing}\nin the step:\n${script}\nwhich said:\n${said}\n${shell.logs()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** The first promised line that does not come, after those before it. */
export function firstBroken(promised: readonly string[], said: string): string | null {
  const lines = said.split('\n');
  let at = 0;
  for (const line of promised) {
    const pattern = new RegExp(`^\\s*${line.trim().split('…').map(asPattern).join('.*')}\\s*$`);
    const found = lines.findIndex((one, i) => i >= at && pattern.test(one));
    if (found < 0) return line;
    at = found + 1;
  }
  return null;
}

/** The text itself; columns may stand further apart. */
function asPattern(text: string): string {
  return text
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\s+/g, '\\s+')
    .replace(/^|$/g, '\\s*');
}

interface Shell {
  /** Resolves with everything the step printed. */
  run(script: string): Promise<string>;
  /** The end of every log file. */
  logs(): string;
}

function openShell(t: TestContext, folder: string, env: NodeJS.ProcessEnv): Shell {
  // A process group of its own: whatever the README started ends with the test.
  const bash = spawn('bash', ['--norc', '--noprofile', '-s'], { cwd: folder, env, detached: true });
  t.after(() => endGroup(bash));
  const output = new Output(bash);
  bash.stdin.write('exec 2>&1\n');
  let steps = 0;
  return {
    run: async (script) => {
      const mark = `@@step-${++steps}`;
      bash.stdin.write(`${script}\necho; echo ${mark}\n`);
      return output.until(`\n${mark}\n`);
    },
    logs: () =>
      globSync('.fairlead/*.log', { cwd: folder })
        .map((file) => `--- ${file}\n${readFileSync(join(folder, file), 'utf8').slice(-2000)}`)
        .join('\n'),
  };
}

function endGroup(bash: ChildProcessWithoutNullStreams): void {
  try {
    process.kill(-(bash.pid as number), 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

class Output {
  #text = '';
  #changed: () => void = () => {};

  constructor(bash: ChildProcessWithoutNullStreams) {
    for (const stream of [bash.stdout, bash.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#text += text;
        this.#changed();
      });
    }
  }

  /** Takes what came before the mark out. */
  until(mark: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => reject(new Error(`a step hangs; it said:\n${this.#text}`)), STEP_MS);
    this.#changed = () => {
      const at = this.#text.indexOf(mark);
      if (at < 0) return;
      clearTimeout(timer);
      const said = this.#text.slice(0, at);
      this.#text = this.#text.slice(at + mark.length);
      resolve(said);
    };
    this.#changed();
    return promise;
  }
}
