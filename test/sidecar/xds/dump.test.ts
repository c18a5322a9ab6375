// /config_dump in Envoy's shapes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootstrapSchema } from '../../../proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts';
import { fromProtoJson } from '../../../proto/registry.ts';
import { CLUSTER } from '../../../proto/resources.ts';
import { dumpSections } from '../../../sidecar/xds/dump.ts';
import { bytesOf, clusterJson, listenerJson } from './messages.ts';

test('static and delivered resources, with version, time and refusal', () => {
  const bootstrap = fromProtoJson(BootstrapSchema, {
    static_resources: { clusters: [clusterJson('s')], listeners: [listenerJson('l', 1)] },
  });
  const at = Date.UTC(2026, 0, 2);
  const sections = dumpSections(
    {
      bootstrap,
      startedWallMs: at,
      held: [
        {
          type: CLUSTER,
          name: 'd',
          version: '7',
          bytes: bytesOf(CLUSTER, clusterJson('d')),
          model: null,
          updatedAt: at,
        },
      ],
      refused: [{ type: CLUSTER, name: 'd', version: '8', refusals: [{ name: 'd', field: 'x', reason: 'no' }], at }],
      versions: new Map([[CLUSTER, '7']]),
    },
    true,
  );
  const types = sections.map((section) => String(section['@type']).split('.').at(-1));
  assert.deepEqual(types, [
    'BootstrapConfigDump',
    'ClustersConfigDump',
    'EndpointsConfigDump',
    'ListenersConfigDump',
    'RoutesConfigDump',
    'SecretsConfigDump',
  ]);
  const clusters = sections[1] as Record<string, unknown> & {
    static_clusters: { cluster: { name: string } }[];
    dynamic_active_clusters: object[];
  };
  assert.equal(clusters['version_info'], '7');
  assert.equal(clusters.static_clusters[0]?.cluster.name, 's');
  const { cluster, ...state } = clusters.dynamic_active_clusters[0] as Record<string, unknown>;
  assert.equal((cluster as { name: string }).name, 'd');
  assert.deepEqual(state, {
    version_info: '7',
    last_updated: '2026-01-02T00:00:00Z',
    client_status: 'NACKED',
    error_state: { details: 'd: x: no', version_info: '8', last_update_attempt: '2026-01-02T00:00:00Z' },
  });
  const routes = sections[4] as { static_route_configs: { route_config: { name: string } }[] };
  assert.equal(routes.static_route_configs[0]?.route_config.name, 'main');
});
