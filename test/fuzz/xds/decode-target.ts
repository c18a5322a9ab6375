// The target xds-decode: the bytes of a DiscoveryResponse through everything between the stream and the
// snapshot, and back to the answer that discovery gets.

import type { Model } from '../../../sidecar/xds/decode/resource.ts';
import { fromBinary } from '@bufbuild/protobuf';
import { byTypeUrl, LISTENER, ENDPOINT, ROUTE, type ResourceType } from '../../../proto/resources.ts';
import { decodeResponse, encodeRequest, openResponse } from '../../../sidecar/xds/ads-messages.ts';
import { type Decoded, decodeBytes } from '../../../sidecar/xds/decode/resource.ts';
import { EMPTY_SNAPSHOT } from '../../../sidecar/model/snapshot.ts';
import { MOST_PROBLEMS } from '../../../sidecar/xds/decode/problems.ts';
import { Resources } from '../../../sidecar/xds/resources.ts';
import type { Refusal, ResourceUpdate } from '../../../sidecar/xds/source.ts';
import { StoppedClock } from '../h1/codec.ts';
import { survey } from '../survey.ts';
import { type Effort, type Target, Violation } from '../target.ts';
import { generateResponses } from './response-inputs.ts';

/** Without and with `--allow-unsupported`. */
const VARIANTS = [false, true];

export const xdsDecode: Target = {
  name: 'xds-decode',
  extension: 'pb',
  variants: VARIANTS.length,
  msPerKib: 4,
  generate: generateResponses,
  run,
};

/** A model may be larger than its encoding, which leaves out what is by default; but not by any factor. */
const MOST_PARTS = 4000;
const MOST_PARTS_PER_BYTE = 60;
/** Of an answer: the explanation is cut, names are sent back. */
const MOST_ANSWER_BYTES = 128 * 1024;

function run(input: Buffer, variant: number, effort: Effort): string {
  const allowUnsupported = VARIANTS[variant] === true;
  const response = decodeResponse(input);
  if (response === null) return 'no response';
  const type = byTypeUrl.get(response.typeUrl);
  if (type === undefined) return 'no type of ours';
  const { changed, refusals } = openResponse(type, response);
  for (const { name } of refusals) checkIndex(name, response.resources.length);
  const resources = newResources(allowUnsupported);
  const update: ResourceUpdate = { type, changed, removed: [], complete: type.fullState };
  const refused = resources.judge(update);
  const verdicts = alone(update, allowUnsupported);
  checkRefusals(update, verdicts, refused);
  checkHeld(update, verdicts, resources, refused);
  if (effort !== 'quick') checkAgain(update, resources, refused);
  checkAnswer(type, [...refusals, ...refused]);
  return outcome(response.resources.length, [...refusals, ...refused]);
}

function newResources(allowUnsupported: boolean): Resources {
  return new Resources({
    fixed: EMPTY_SNAPSHOT,
    allowUnsupported,
    clock: new StoppedClock(),
    wildcard: { listeners: true, clusters: true },
    ownSecrets: new Set(),
    warn: () => {},
  });
}

function checkIndex(name: string, count: number): void {
  const index = Number(/^resources\[(\d+)\]$/.exec(name)?.[1] ?? -1);
  if (index < 0 || index >= count) throw new Violation('a refusal that names no resource', name);
}

/** What each resource is when it comes alone; of one name only the first counts. */
function alone(update: ResourceUpdate, allowUnsupported: boolean): ReadonlyMap<string, Decoded<Model>> {
  const verdicts = new Map<string, Decoded<Model>>();
  const options = update.type === LISTENER ? { allowUnsupported, clusters: new Set<string>() } : { allowUnsupported };
  for (const { name, bytes } of update.changed) {
    if (verdicts.has(name)) continue;
    const decoded = decodeBytes(update.type.schema, bytes, options);
    checkDecoded(update.type, bytes, decoded);
    verdicts.set(name, decoded);
  }
  return verdicts;
}

function checkDecoded(type: ResourceType, bytes: Uint8Array, decoded: Decoded<Model>): void {
  const problems = decoded.ok ? decoded.warnings : decoded.problems;
  if (problems.length > MOST_PROBLEMS) throw new Violation('more problems than are kept', `${problems.length}`);
  if (!decoded.ok && decoded.problems.length === 0) throw new Violation('refused without a reason');
  if (!decoded.ok) checkReason(type, bytes, decoded.problems[0]?.reason ?? '');
  else if (decoded.value !== null) checkSize(bytes, survey(decoded.value).parts);
}

/** What the encoding is not to blame for, a decoder is: a refusal must not hide what it threw. */
function checkReason(type: ResourceType, bytes: Uint8Array, reason: string): void {
  if (!reason.startsWith('cannot be read as ')) return;
  try {
    fromBinary(type.schema, bytes);
  } catch {
    return;
  }
  throw new Violation(`a decoder threw: ${reason.slice(reason.indexOf(': ') + 2)}`, type.shortName);
}

function checkSize(bytes: Uint8Array, parts: number): void {
  if (parts > MOST_PARTS + MOST_PARTS_PER_BYTE * bytes.length)
    throw new Violation('a model out of proportion', `${parts} parts of ${bytes.length} bytes`);
}

/** A listener without a name is called by its address. */
function calledBy(name: string): string {
  return /:\d+$/.test(name) ? '' : name;
}

const CLASH = /^is the address of listener|is the address of listener .* already$/s;
const TWICE = 'stands twice in one response';

/** Each resource is refused for what is wrong with it, and for nothing that is wrong with another. */
function checkRefusals(
  { changed }: ResourceUpdate,
  verdicts: ReadonlyMap<string, Decoded<Model>>,
  refused: readonly Refusal[],
): void {
  const names = new Set(changed.map(({ name }) => name));
  for (const { name } of refused)
    if (!names.has(name) && !names.has(calledBy(name))) throw new Violation('a refusal that names no resource', name);
  for (const [name, decoded] of verdicts) {
    const found = refused.filter((one) => one.name === name && one.reason !== TWICE && !CLASH.test(one.reason));
    if (decoded.ok && found.length > 0) throw new Violation('a good resource refused', found[0]?.reason);
    if (!decoded.ok && found.length === 0) throw new Violation('a bad resource not refused', name);
  }
}

/** What is good is in force. Routes and endpoints that nothing asks for are let go of. */
function checkHeld(
  { type }: ResourceUpdate,
  verdicts: ReadonlyMap<string, Decoded<Model>>,
  resources: Resources,
  refused: readonly Refusal[],
): void {
  if (type === ROUTE || type === ENDPOINT) return;
  const held = new Set(resources.held.map(({ name }) => name));
  for (const [name, decoded] of verdicts) {
    const clashes = refused.some((one) => [one.name, calledBy(one.name)].includes(name) && CLASH.test(one.reason));
    if (decoded.ok && !clashes && !held.has(name)) throw new Violation('a good resource not in force', name);
    if (!decoded.ok && held.has(name)) throw new Violation('a bad resource in force', name);
  }
}

/** The same once more changes nothing, and is judged the same. */
function checkAgain(update: ResourceUpdate, resources: Resources, refused: readonly Refusal[]): void {
  const before = survey(resources.snapshot.value).text;
  const again = resources.judge(update);
  if (survey(again).text !== survey(refused).text) throw new Violation('judged otherwise the second time');
  if (survey(resources.snapshot.value).text !== before) throw new Violation('another snapshot the second time');
}

function checkAnswer(type: ResourceType, refusals: readonly Refusal[]): void {
  const answer = encodeRequest({ type, names: null, version: '', nonce: 'n', node: null, refusals });
  if (answer.length > MOST_ANSWER_BYTES) throw new Violation('an answer out of proportion', `${answer.length} bytes`);
}

function outcome(count: number, refusals: readonly Refusal[]): string {
  const bad = new Set(refusals.map(({ name }) => name)).size;
  if (count === 0) return 'nothing in it';
  if (bad === 0) return 'taken';
  return bad < count ? 'taken in part' : 'refused';
}
