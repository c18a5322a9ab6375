// The targets by name.

import { h1Request } from './h1/request-target.ts';
import { h1Response } from './h1/response-target.ts';
import { h2Frames } from './h2/frames-target.ts';
import { hpack } from './h2/hpack-target.ts';
import type { Target, TargetName } from './target.ts';
import { firstBytes } from './listener/first-bytes-target.ts';
import { bootstrap } from './text/bootstrap-target.ts';
import { meshYaml } from './text/mesh-target.ts';
import { xdsDecode } from './xds/decode-target.ts';

const TARGETS: Readonly<Record<TargetName, Target>> = {
  'h1-request': h1Request,
  'h1-response': h1Response,
  hpack,
  'h2-frames': h2Frames,
  'first-bytes': firstBytes,
  'xds-decode': xdsDecode,
  'mesh-yaml': meshYaml,
  bootstrap,
};

export function targetOf(name: TargetName): Target {
  return TARGETS[name];
}
