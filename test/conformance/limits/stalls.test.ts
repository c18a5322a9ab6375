// How long anything may take: a head, a body, an answer, a handshake, silence, a connection.

import assert from 'node:assert/strict';
import { before, describe } from 'node:test';
import { openClient } from '../../mesh/client.ts';
import { eventually } from '../../mesh/discovery.ts';
import { answer, startOrigin } from '../../mesh/origin.ts';
import { makeLeaf, makeRoot, type Pair } from '../../mesh/pki.ts';
import { besideEnvoy } from './beside.ts';
import { clusterHttp, common, likeEnvoy, silent } from './row.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const HALF_BODY = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab';
/** Short ways out, where they are not what is looked at. */
const SOON = 'drain_timeout: 0.1s\ndelayed_close_timeout: 0.1s';

describe('limits of time for one request', () => {
  likeEnvoy({
    limit: 'request_headers_timeout',
    pieces: { hcm: `request_headers_timeout: 0.2s\n${SOON}` },
    say: ['GET / HTTP/1.1\r\nhost'],
    status: /^HTTP\/1.1 408 Request Timeout\r\n/,
    log: '408 - request_header_timeout',
    metric: /^http\.main\.downstream_rq_header_timeout$/,
  });

  likeEnvoy({
    limit: 'request_timeout, a body that stalls',
    pieces: { hcm: `request_timeout: 0.2s\n${SOON}` },
    say: [HALF_BODY],
    status: /^HTTP\/1.1 408 /,
    log: '408 - request_overall_timeout',
    metric: /^http\.main\.downstream_rq_timeout$/,
  });

  likeEnvoy({
    limit: 'stream_idle_timeout, a body that stalls',
    pieces: { hcm: `stream_idle_timeout: 0.2s\n${SOON}` },
    say: [HALF_BODY],
    status: /^HTTP\/1.1 408 /,
    log: '408 SI stream_idle_timeout',
    metric: /^http\.main\.downstream_rq_idle_timeout$/,
  });

  likeEnvoy({
    limit: 'stream_idle_timeout, an answer that does not come',
    pieces: { hcm: `stream_idle_timeout: 0.2s\n${SOON}` },
    origin: silent,
    say: [GET],
    until: /timeout$/,
    status: /^HTTP\/1.1 504 /,
    log: '504 SI stream_idle_timeout',
    metric: /^http\.main\.downstream_rq_idle_timeout$/,
  });

  likeEnvoy({
    limit: 'stream_idle_timeout, an answer that stalls',
    pieces: { hcm: `stream_idle_timeout: 0.2s\n${SOON}` },
    origin: () => 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc',
    say: [GET],
    status: /^HTTP\/1.1 200 OK\r\n.*abc$/s,
    log: '200 SI stream_idle_timeout',
    metric: /^http\.main\.downstream_rq_idle_timeout$/,
  });

  likeEnvoy({
    limit: 'timeout of a route',
    pieces: { routes: '- {match: {prefix: /}, route: {cluster: o1, timeout: 0.2s}}', hcm: SOON },
    origin: silent,
    say: [GET],
    until: /timeout$/,
    status: /^HTTP\/1.1 504 /,
    log: '504 UT response_timeout',
    metric: /^cluster\.o1\.upstream_rq_timeout$/,
  });

  likeEnvoy({
    limit: 'max_stream_duration',
    pieces: { hcm: `${common('max_stream_duration: 0.2s')}\n${SOON}` },
    origin: silent,
    say: [GET],
    until: /\r\n\r\n/,
    status: /^HTTP\/1.1 504 /,
    log: '504 - max_duration_timeout',
    metric: /^http\.main\.downstream_rq_max_duration_reached$/,
  });
});

describe('limits of time for a connection of a client', () => {
  likeEnvoy({
    limit: 'idle_timeout',
    pieces: { hcm: `${common('idle_timeout: 0.2s')}\n${SOON}` },
    say: [GET],
    status: /^HTTP\/1.1 200 /,
    metric: /^http\.main\.downstream_cx_idle_timeout$/,
  });

  likeEnvoy({
    limit: 'idle_timeout, no request at all',
    pieces: { hcm: `${common('idle_timeout: 0.2s')}\n${SOON}` },
    say: [],
    status: null,
    metric: /^http\.main\.downstream_cx_idle_timeout$/,
  });

  likeEnvoy({
    limit: 'max_connection_duration',
    pieces: { hcm: `${common('max_connection_duration: 0.2s')}\n${SOON}` },
    say: [GET],
    status: /^HTTP\/1.1 200 /,
    metric: /^http\.main\.downstream_cx_max_duration_reached$/,
  });

  likeEnvoy({
    limit: 'max_requests_per_connection',
    pieces: { hcm: `${common('max_requests_per_connection: 1')}\n${SOON}` },
    say: [GET],
    status: /^HTTP\/1.1 200 OK\r\n.*connection: close\r\n/s,
    metric: /^http\.main\.downstream_cx_max_requests_reached$/,
  });

  likeEnvoy({
    limit: 'delayed_close_timeout, after a bad request',
    pieces: { hcm: 'delayed_close_timeout: 0.2s' },
    say: ['bad\r\n\r\n'],
    status: /^HTTP\/1.1 400 /,
    log: '400 DPE http1.codec_error',
    metric: /^http\.main\.downstream_cx_delayed_close_timeout$/,
  });

  likeEnvoy({
    limit: 'listener_filters_timeout (S09)',
    pieces: {
      listener: `listener_filters_timeout: 0.2s
listener_filters: [{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]`,
    },
    say: ['\x16\x03\x01'],
    status: null,
    metric: /^listener\.(?!admin).*\.downstream_pre_cx_timeout$/,
  });
});

describe('limits of time for a handshake', () => {
  let pair: Pair;
  before(async () => {
    pair = await makeLeaf(await makeRoot('mesh'), { dns: ['a'] });
  });

  besideEnvoy('S09: transport_socket_connect_timeout', async (t, start) => {
    const inline = (text: string) => `{inline_string: ${JSON.stringify(text)}}`;
    const certificate = `{certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)}}`;
    const proxy = await start({
      origins: { o1: 1 },
      chain: `transport_socket_connect_timeout: 0.2s
transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: {tls_certificates: [${certificate}]}}}`,
    });
    const client = await openClient(proxy.port);
    t.after(() => client.close());
    await client.send('\x16\x03\x01');
    assert.equal(await client.ended(), '');
    const metric = /^listener\.(?!admin).*\.downstream_cx_transport_socket_connect_timeout$/;
    await eventually(async () => assert.equal(await proxy.sum(metric), 1));
  });
});

describe('limits of time for a connection to an upstream', () => {
  likeEnvoy({
    limit: 'idle_timeout of a cluster',
    pieces: { cluster: { o1: clusterHttp('idle_timeout: 0.2s') } },
    say: [GET],
    until: /ok$/,
    status: /^HTTP\/1.1 200 /,
    metric: /^cluster\.o1\.upstream_cx_idle_timeout$/,
  });

  likeEnvoy({
    limit: 'max_connection_duration of a cluster',
    pieces: { cluster: { o1: clusterHttp('max_connection_duration: 0.2s') } },
    say: [GET],
    until: /ok$/,
    status: /^HTTP\/1.1 200 /,
    metric: /^cluster\.o1\.upstream_cx_max_duration_reached$/,
  });

  besideEnvoy('max_requests_per_connection of a cluster', async (t, start) => {
    const origin = await startOrigin(() => answer('ok'));
    t.after(() => origin.close());
    const proxy = await start({
      origins: { o1: origin.port },
      cluster: { o1: clusterHttp('max_requests_per_connection: 1') },
    });
    const client = await openClient(proxy.port);
    t.after(() => client.close());
    for (let n = 1; n <= 2; n++) {
      await client.send(GET);
      await client.until((text) => text.split('\r\n\r\nok').length > n);
    }
    assert.equal(origin.sockets.length, 2);
    assert.equal(await proxy.sum(/^cluster\.o1\.upstream_cx_max_requests$/), 2);
  });
});
