// What is wrong with a resource: every finding, with the path of its field, not only the first.

import type { Refusal } from '../source.ts';

export type ProblemKind =
  /** Envoy refuses it too. */
  | 'invalid'
  /** Envoy takes it, we do not honour it. `--allow-unsupported` makes it a warning. */
  | 'unsupported'
  /** As unsupported, but ignoring it would weaken security: never a mere warning. */
  | 'security'
  /** Taken and without effect here; only told. */
  | 'note';

export interface Problem {
  readonly kind: ProblemKind;
  /** Path inside the resource, snake_case: `filter_chains[0].filters[1].name`. */
  readonly field: string;
  readonly reason: string;
}

/** Most findings kept of one resource; a broken one should not fill the log. */
export const MOST_PROBLEMS = 100;

/** Of too many the gravest are kept: what refuses a resource must not be lost behind what is only told. */
const GRAVITY: Readonly<Record<ProblemKind, number>> = { note: 0, unsupported: 1, invalid: 2, security: 2 };

const GRAVEST = Math.max(...Object.values(GRAVITY));

/** Thrown by `Problems` that are full of what refuses: nothing that follows would change the verdict or its reasons. */
export class EnoughProblems extends Error {}

export class Problems {
  readonly #list: Problem[] = [];
  readonly #stops: boolean;

  /** `stops`: `add` throws EnoughProblems once there is no more to say. */
  constructor(stops = false) {
    this.#stops = stops;
  }

  add(kind: ProblemKind, field: string, reason: string): void {
    if (this.#list.some((other) => other.field === field && other.reason === reason)) return;
    if (this.#list.length < MOST_PROBLEMS || this.#makeRoom(GRAVITY[kind])) this.#list.push({ kind, field, reason });
  }

  /** Lets go of the last finding that weighs least, if less than `gravity`. */
  #makeRoom(gravity: number): boolean {
    const least = Math.min(...this.#list.map((problem) => GRAVITY[problem.kind]));
    if (least === GRAVEST && this.#stops) throw new EnoughProblems(`more than ${MOST_PROBLEMS} problems`);
    if (least >= gravity) return false;
    const last = this.#list.findLastIndex((problem) => GRAVITY[problem.kind] === least);
    this.#list.splice(last, 1);
    return true;
  }

  get all(): readonly Problem[] {
    return this.#list;
  }
}

/** Whether a problem refuses the resource. */
export function isFatal(problem: Problem, allowUnsupported: boolean): boolean {
  return (
    problem.kind === 'invalid' || problem.kind === 'security' || (problem.kind === 'unsupported' && !allowUnsupported)
  );
}

export function toRefusals(name: string, problems: readonly Problem[]): Refusal[] {
  return problems.map(({ field, reason }) => ({ name, field, reason }));
}

/** A path inside a message: '' is the message itself. */
export function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}
