// `fairlead token --service web`: a join token, by which a workload proves who it is the first time.

import { systemClock } from '../../core/clock.ts';
import { parseDuration } from '../../core/config-scalars.ts';
import { workloadId } from '../../core/identity.ts';
import { joinToken } from '../../discovery/offline.ts';
import { CommandError, EXIT, type Invocation, requiredFlag, textFlag } from '../command.ts';

export async function run({ values, environment, out }: Invocation): Promise<number> {
  const service = requiredFlag(values, 'service');
  const namespace = textFlag(values, 'namespace') ?? 'default';
  const ttl = parseDuration(textFlag(values, 'ttl') ?? '24h');
  if (ttl === null || ttl <= 0) throw new CommandError('--ttl is a duration, like 24h', EXIT.usage);
  const dataDir = textFlag(values, 'data-dir') ?? environment['FAIRLEAD_DATA_DIR'] ?? '.fairlead';
  const sub = subjectOf(namespace, service);
  out(`${joinToken(dataDir, sub, systemClock.wall() + ttl)}\n`);
  return EXIT.ok;
}

function subjectOf(namespace: string, service: string): string {
  try {
    return workloadId('any', namespace, service).segments.join('/');
  } catch {
    throw new CommandError(
      `"${namespace}/${service}" cannot be a workload's name: use a-z, 0-9, "-", "." and "_"`,
      EXIT.usage,
    );
  }
}
