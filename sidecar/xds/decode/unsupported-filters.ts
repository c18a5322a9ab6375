// Which unknown extensions may be left out on request, and which never: leaving out a filter that decides
// who may do what, or how much, would open what the operator closed.

import type { ProblemKind } from './problems.ts';

const PROTECTIVE =
  /rbac|auth|jwt|csrf|cors|limit|admission|wasm|lua|golang|ext_proc|credential|overload|geoip|ip_tagging/i;

export function unsupportedKind(typeName: string): Extract<ProblemKind, 'unsupported' | 'security'> {
  return PROTECTIVE.test(typeName) ? 'security' : 'unsupported';
}
