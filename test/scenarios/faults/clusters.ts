// YAML of clusters with several endpoints, and of routes whose retries repeat nothing that may have been done.

/** A STATIC cluster; `more` are its further lines. */
export function clusterOf(name: string, ports: readonly number[], more = 'connect_timeout: 1s'): string {
  const endpoints = ports.map(
    (port) => `{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}}}`,
  );
  return [
    `- name: ${name}`,
    '  type: STATIC',
    `  load_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [${endpoints.join(', ')}]}]}`,
    ...more.split('\n').map((line) => `  ${line}`),
  ].join('\n');
}

/** The policy that discovery gives to routes of the mesh. */
export const SAFE = `metadata:
    typed_filter_metadata:
      fairlead.policy.retry: {"@type": type.googleapis.com/fairlead.policy.v1.SafeRetry, safe_only: true}`;

const PREVIOUS =
  '{name: envoy.retry_host_predicates.previous_hosts, typed_config: {"@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}}';

/** Everything to one cluster, with retries on whatever may be repeated. */
export function retryingRoute(cluster: string, retries: number, more = ''): string {
  return `- match: {prefix: /}
  ${SAFE}
  route:
    cluster: ${cluster}
    retry_policy: {retry_on: "connect-failure,reset", num_retries: ${retries}, retry_back_off: {base_interval: 0.005s, max_interval: 0.02s}, retry_host_predicate: [${PREVIOUS}]}
    ${more}`;
}
