// What discovery, TLS or the file system said when a call failed, in words that also say what to do.

import { status } from '@grpc/grpc-js';
import type { AuthorityAddress } from './authority-client.ts';

interface Failure {
  readonly message: string;
  readonly code?: string | number;
  readonly details?: string;
  readonly path?: string;
}

/** One line: the cause, then how to mend it. */
export function advise(error: unknown, { target, tokenFile, rootFile }: AuthorityAddress): string {
  const failure = error as Failure;
  const said = plain(failure.details ?? failure.message);
  if (failure.code === 'ENOENT' || failure.code === 'EACCES') {
    const flag = failure.path === rootFile ? '--ca-root' : '--join-token-file';
    return `${said}: is ${flag} right?`;
  }
  if (failure.code === status.UNAUTHENTICATED) {
    return `${said}; ${tokenFile ?? 'no --join-token-file'}: make a new token with \`fairlead token --service NAME\``;
  }
  const hint = HINTS.find(([pattern]) => pattern.test(said))?.[1];
  return hint === undefined
    ? said
    : `${said}; ${hint.replaceAll('TARGET', target.replace(/^\w+:/, '')).replaceAll('ROOT', rootFile ?? '')}`;
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|Failed to connect/, 'is discovery running, and TARGET its address?'],
  [
    /self.signed|unable to get|certificate in certificate chain|UNABLE_TO/i,
    '--ca-root ROOT is not the root of the discovery at TARGET',
  ],
  [/wrong version number|packet length too long|before secure TLS/, 'is TARGET the TLS port of discovery (15012)?'],
];

/** Without the words that gRPC puts around a cause. */
function plain(text: string): string {
  return text
    .replace(/^\d+ [A-Z_]+: /, '')
    .replace(/^No connection established\. Last error: /, '')
    .replace(/\.? ?Resolution note:\s*$/, '')
    .replace(/^(?:Type)?Error: /, '');
}
