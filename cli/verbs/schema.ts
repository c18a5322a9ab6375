// `fairlead schema`: the JSON Schema of mesh.yaml, for editors.

import type { Invocation } from '../command.ts';
import { meshJsonSchema } from '../../discovery/offline.ts';

export async function run({ out }: Invocation): Promise<number> {
  out(`${JSON.stringify(meshJsonSchema(), null, 2)}\n`);
  return 0;
}
