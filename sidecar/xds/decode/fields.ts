// A message as its decoder sees it: a field is taken, ignored for a reason, or refused. Whatever is set
// and nobody took is named when the decoder is done, so that no field is ever silently without effect.

import type { DescField, DescMessage, Message, MessageShape } from '@bufbuild/protobuf';
import { isFieldSet } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { durationMs, durationProblem } from '../../../proto/scalars.ts';
import type { ProblemKind, Problems } from './problems.ts';
import { join } from './problems.ts';

/** What decoders need from outside. */
export interface DecodeContext {
  readonly problems: Problems;
  /** Clusters that a route may name; null: not known here, nothing is checked. */
  readonly clusters: ReadonlySet<string> | null;
  /** Throws what node:fs throws. */
  readonly readFile: (path: string) => Buffer;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Says what is wrong with a substitution format, or null. */
  readonly checkFormat: (text: string) => string | null;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

type Name<M> = Exclude<keyof M & string, `$${string}`>;

export class Fields<Desc extends DescMessage> {
  readonly schema: Desc;
  readonly message: MessageShape<Desc>;
  readonly path: string;
  readonly context: DecodeContext;
  readonly #done = new Set<string>();

  constructor(schema: Desc, message: MessageShape<Desc>, path: string, context: DecodeContext) {
    this.schema = schema;
    this.message = message;
    this.path = path;
    this.context = context;
  }

  /** The field's value, marked as honoured. */
  take<K extends Name<MessageShape<Desc>>>(name: K): MessageShape<Desc>[K] {
    this.#done.add(name);
    return this.message[name];
  }

  /** Milliseconds of a duration, marked as honoured; `absent` where it is not given or not sound. */
  ms<K extends Name<MessageShape<Desc>>, T>(name: K, absent: T): number | T {
    const duration = this.take(name) as Duration | undefined;
    return duration === undefined || durationProblem(duration) !== null ? absent : durationMs(duration);
  }

  /** The message in a field, ready to be decoded; null where it is absent. */
  child<K extends Name<MessageShape<Desc>>, D extends DescMessage>(name: K, schema: D): Fields<D> | null {
    const value = this.take(name) as MessageShape<D> | undefined;
    return value === undefined ? null : new Fields(schema, value, this.at(name), this.context);
  }

  /** The messages of a repeated field, ready to be decoded. */
  children<K extends Name<MessageShape<Desc>>, D extends DescMessage>(name: K, schema: D): Fields<D>[] {
    const values = this.take(name) as unknown as readonly MessageShape<D>[];
    return values.map((value, index) => new Fields(schema, value, `${this.at(name)}[${index}]`, this.context));
  }

  /** The chosen message of a oneof, ready to be decoded; `name` is the case. */
  choice<D extends DescMessage>(name: string, value: MessageShape<D>, schema: D): Fields<D> {
    return new Fields(schema, value, this.at(name), this.context);
  }

  /** Fields that may be set and have no effect here that anyone could observe. */
  ignore(...names: Name<MessageShape<Desc>>[]): void {
    for (const name of names) this.#done.add(name);
  }

  /** A field whose presence is told, though nothing comes of it. */
  note(name: Name<MessageShape<Desc>>, reason: string): void {
    if (this.#isSet(name)) this.add('note', name, reason);
    this.#done.add(name);
  }

  /** Fields that are refused when set, because ignoring them would weaken security. */
  security(...names: Name<MessageShape<Desc>>[]): void {
    for (const name of names) {
      if (this.#isSet(name))
        this.add(
          'security',
          this.#shownName(name),
          'is not supported by fairlead, and ignoring it would weaken security',
        );
      this.#done.add(name);
    }
  }

  /** Field path in snake_case; a name that is no field (a oneof) stands for the message. */
  at(name: string): string {
    const field: DescField | undefined = this.schema.field[name];
    return field === undefined ? this.path : join(this.path, field.name);
  }

  /** Returns null, so that a decoder may report and give up in one breath. */
  add(kind: ProblemKind, name: string, reason: string): null {
    this.context.problems.add(kind, name === '' ? this.path : this.at(name), reason);
    return null;
  }

  /** What Envoy would refuse as well. */
  invalid(name: string, reason: string): null {
    return this.add('invalid', name, reason);
  }

  /** What Envoy would do and we do not. */
  unsupported(name: string, reason = 'is not supported by fairlead'): null {
    return this.add('unsupported', name, reason);
  }

  /** Names every field that is set and that nobody took. */
  end(): void {
    for (const field of this.schema.fields) {
      const name = field.oneof?.localName ?? field.localName;
      if (this.#done.has(name) || this.#done.has(field.localName)) continue;
      if (isFieldSet(this.message, field)) this.unsupported(field.localName);
    }
  }

  #isSet(name: string): boolean {
    const value = (this.message as Message & Record<string, unknown>)[name];
    const field: DescField | undefined = this.schema.field[name];
    if (field !== undefined && field.oneof === undefined) return isFieldSet(this.message, field);
    return typeof value === 'object' && value !== null && (value as { case?: string }).case !== undefined;
  }

  /** The case's name for a oneof, so that the path names the field that was written. */
  #shownName(name: string): string {
    const value = (this.message as Message & Record<string, unknown>)[name] as { case?: string } | undefined;
    return this.schema.field[name] === undefined ? (value?.case ?? name) : name;
  }
}
