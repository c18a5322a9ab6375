// The targets by name.

import { h1Request } from './h1/request-target.ts';
import { h1Response } from './h1/response-target.ts';
import type { Target, TargetName } from './target.ts';
import { bootstrap } from './text/bootstrap-target.ts';
import { meshYaml } from './text/mesh-target.ts';
import { xdsDecode } from './xds/decode-target.ts';

const TARGETS: Readonly<Record<TargetName, Target>> = {
  'h1-request': h1Request,
  'h1-response': h1Response,
  'xds-decode': xdsDecode,
  'mesh-yaml': meshYaml,
  bootstrap,
};

export function targetOf(name: TargetName): Target {
  return TARGETS[name];
}
