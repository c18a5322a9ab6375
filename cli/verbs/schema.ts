// `fairlead schema`: the JSON Schema of mesh.yaml, for editors.

import { meshJsonSchema } from '../../discovery/offline.ts';

export async function run(): Promise<number> {
  process.stdout.write(`${JSON.stringify(meshJsonSchema(), null, 2)}\n`);
  return 0;
}
