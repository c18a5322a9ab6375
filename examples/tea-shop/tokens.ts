// Hands a service of docker-compose.yml what it needs for its first certificate: a join token, and the root by
// which it recognises discovery. Nobody gets the key of the authority, which lies in the same data folder.
//
//   tokens SERVICE [DATA-DIR [FOLDER]]

import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeToken, tokenKey } from '../../discovery/ca/tokens.ts';

const LIFE_S = 24 * 3600;
const SECRET = 0o400;
const DATA_DIR = '/var/lib/fairlead';
const SECRETS = '/run/secrets/fairlead';

const [service, dataDir = DATA_DIR, folder = SECRETS] = process.argv.slice(2);
if (service === undefined) {
  process.stderr.write('usage: tokens SERVICE [DATA-DIR [FOLDER]]\n');
  process.exit(2);
}
const claims = { sub: `ns/default/sa/${service}`, exp: Math.floor(Date.now() / 1000) + LIFE_S };
const token = join(folder, 'token');
// One from an earlier run may only be read.
rmSync(token, { force: true });
writeFileSync(token, `${makeToken(tokenKey(dataDir), claims)}\n`, { mode: SECRET });
copyFileSync(join(dataDir, 'ca-root.pem'), join(folder, 'ca-root.pem'));
process.stdout.write(`${service}: token and root are in ${folder}\n`);
