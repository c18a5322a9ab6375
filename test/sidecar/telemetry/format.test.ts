import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FLAG } from '../../../sidecar/errors.ts';
import {
  checkFormat,
  compileFormat,
  compileJson,
  compileText,
  DEFAULT_LOG_TEXT,
  HEADER_OPTIONS,
  LOG_OPTIONS,
} from '../../../sidecar/telemetry/format.ts';
import { CERTIFICATE, factsWith, type FactsWith } from './facts.ts';

function text(format: string, facts: FactsWith = {}): string {
  return compileText(format, LOG_OPTIONS)(factsWith(facts));
}

const REQUEST = {
  ':method': 'GET',
  ':path': '/p/q?a=1&enc=%41%20b&a=2',
  ':authority': 'svc.test:81',
  'x-in': 'abcdef',
};

/** What Envoy 1.40 wrote for the same request. */
const AS_ENVOY: Readonly<Record<string, string>> = {
  '%REQ(:METHOD)%': 'GET',
  '%REQ(X-NONE?:PATH)%': '/p/q?a=1&enc=%41%20b&a=2',
  '%REQ(:PATH):3%': '/p/',
  '%REQ(X-NONE)%': '-',
  '<%REQ(X-In)%> <%REQ(X-None)%> <%REQ(X-In):3%>': '<abcdef> <-> <abc>',
  '100%%': '100%',
  '%PROTOCOL%': 'HTTP/1.1',
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%': '200 - via_upstream',
  '%BYTES_RECEIVED% %BYTES_SENT%': '3 5',
  '%DURATION% %REQUEST_DURATION% %REQUEST_TX_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%': '16 2 4 10 6',
  '%COMMON_DURATION(US_TX_BEG:US_RX_END:us)%': '12750',
  '%COMMON_DURATION(DS_RX_BEG:US_CX_BEG)%': '-',
  '%START_TIME%': '2026-11-21T07:47:39.233Z',
  '%START_TIME(%s)%': '1795247259',
  '%START_TIME(%s%3f|%s%6f)%': '1795247259233|1795247259233000',
  '%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%': '2026/11/21T07:47:39+0000 1795247259',
  '%START_TIME(%e %a %b %j %y %Z %D %F %T %R %p %I %u %w)%':
    '21 Sat Nov 325 26 UTC 11/21/26 2026-11-21 07:47:39 07:47 AM 07 6 6',
  '%START_TIME(%E4S %E*S %c)%': '39.2330 39.233 Sat Nov 21 07:47:39 2026',
  '%START_TIME(%1f %2f %4f)%': '2 23 2330',
  '%START_TIME(plain)% %START_TIME(%Q)% %START_TIME(%%)%': 'plain %Q %',
  '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%':
    '10.1.2.3:5000 10.1.2.3 5000',
  '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%': '10.0.0.9',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(12)%': '10.0.0.0/8 10.0.0.0/12',
  '%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT%': '127.0.0.1:18941 18941',
  '%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT%': '127.0.0.1:18942 o1 1',
  '%UPSTREAM_TRANSPORT_FAILURE_REASON% %CONNECTION_TERMINATION_DETAILS% %REQUESTED_SERVER_NAME%': '- - -',
  '%QUERY_PARAM(enc)% %QUERY_PARAM(a)% %QUERY_PARAM(zz)%': 'A b 1 -',
  '%PATH(NQ)% %PATH(WQ):3%': '/p/q /p/',
  '%REQUESTED_SERVER_NAME(SNI_FIRST)%': 'svc.test:81',
  '%COALESCE({"operators":[{"command":"REQ","param":"x-none"},{"command":"REQ","param":"x-in","max_length":2}]})%':
    'ab',
  '%ROUTE_NAME% %LOCAL_REPLY_BODY%|%DYNAMIC_METADATA(a:b)% %FILTER_STATE(x)% %GRPC_STATUS%': 'named |- - -',
};

test('operators give what Envoy gives', () => {
  for (const [format, expected] of Object.entries(AS_ENVOY))
    assert.equal(text(format, { request: REQUEST }), expected, format);
});

test('the default format is a line of 17 fields', () => {
  const line = text(DEFAULT_LOG_TEXT, {
    request: { ...REQUEST, 'user-agent': 'me', 'x-request-id': 'id' },
    response: { 'x-envoy-upstream-service-time': '4' },
  });
  assert.equal(
    line,
    '[2026-11-21T07:47:39.233Z] "GET /p/q?a=1&enc=%41%20b&a=2 HTTP/1.1" 200 - 3 5 16 4 "-" "me" "id" "svc.test:81" "127.0.0.1:18942"\n',
  );
});

test('flags, long and short', () => {
  const responseFlags = FLAG.URX | FLAG.UF;
  assert.equal(
    text('%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%', { responseFlags }),
    'URX,UF UpstreamRetryLimitExceeded,UpstreamConnectionFailure',
  );
});

test('spaces in details become underscores unless they are allowed', () => {
  const facts = { responseCodeDetails: 'rbac_access denied' };
  assert.equal(
    text('%RESPONSE_CODE_DETAILS% %RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%', facts),
    'rbac_access_denied rbac_access denied',
  );
});

test('certificates of both ends', () => {
  const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', validated: true, peer: CERTIFICATE, local: null };
  const facts = factsWith();
  const line = compileText(
    '%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_DNS_SAN% %DOWNSTREAM_PEER_SERIAL% %DOWNSTREAM_PEER_CERT_V_START(%Y)% %DOWNSTREAM_PEER_CERT_V_END% %DOWNSTREAM_LOCAL_SUBJECT%',
    LOG_OPTIONS,
  )({ ...facts, connection: { ...facts.connection, tls } });
  assert.equal(line, 'TLSv1.3 spiffe://mesh/web web.test,www.test 0a 2026 2027-01-01T00:00:00.000Z -');
});

test('gRPC status: of gRPC requests only, by trailer, then header, then HTTP status', () => {
  const request = { 'content-type': 'application/grpc+proto' };
  assert.equal(
    text('%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER%', {
      request,
      trailers: { 'grpc-status': '5' },
    }),
    'NotFound NOT_FOUND 5',
  );
  assert.equal(text('%GRPC_STATUS_NUMBER%', { request, responseCode: 503 }), '14');
  assert.equal(
    text('%GRPC_STATUS%', { request: { 'content-type': 'text/html' }, trailers: { 'grpc-status': '5' } }),
    '-',
  );
});

test('metadata keeps its type in JSON and is JSON in text', () => {
  const routeMetadata = (_: string, path: readonly string[]) =>
    path.length === 0 ? { k: 'v', n: 1 } : { k: 'é', n: 1.5 }[path[0] as 'k' | 'n'];
  assert.equal(text('%METADATA(ROUTE:ns)%', { routeMetadata }), '{"k":"v","n":1}');
  const json = compileJson(
    { n: '%METADATA(ROUTE:ns:n)%', k: '%METADATA(ROUTE:ns:k)%' },
    { ...LOG_OPTIONS, omitEmpty: false, sortKeys: true },
  );
  assert.equal(Buffer.from(json(factsWith({ routeMetadata })), 'latin1').toString('utf8'), '{"k":"é","n":1.5}\n');
});

test('JSON: keys sorted, numbers as numbers, absent as null, nested, mixed text as text', () => {
  const json = compileJson(
    {
      z: '%RESPONSE_CODE%',
      a: '%REQ(X-NONE)%',
      both: '%REQ(X-NONE)%-%PROTOCOL%',
      deep: { list: ['%BYTES_SENT%', 'x', 4, true, null] },
    },
    { ...LOG_OPTIONS, omitEmpty: false, sortKeys: true },
  );
  assert.equal(json(factsWith()), '{"a":null,"both":"--HTTP/1.1","deep":{"list":[5,"x",4,true,null]},"z":200}\n');
});

test('omit_empty_values leaves absent values out', () => {
  const format = {
    kind: 'json',
    json: { path: '%REQ(:PATH)%', none: '%REQ(X-NONE)%', both: '%REQ(X-NONE)%-%PROTOCOL%' },
    omitEmpty: true,
    sortKeys: true,
  } as const;
  assert.equal(
    compileFormat(format, LOG_OPTIONS)(factsWith({ request: { ':path': '/' } })),
    '{"both":"-HTTP/1.1","path":"/"}\n',
  );
  assert.equal(
    compileFormat({ kind: 'text', text: '<%REQ(X-NONE)%>', omitEmpty: true }, LOG_OPTIONS)(factsWith()),
    '<>',
  );
});

test('in headers absent is empty', () => {
  assert.equal(
    compileText('<%REQ(X-None)%> <%UPSTREAM_HOST%>', HEADER_OPTIONS)(factsWith({ upstreamHost: null })),
    '<> <>',
  );
});

test('bad formats are refused, with what was probably meant', () => {
  for (const good of ['', 'plain', '%%', ...Object.keys(AS_ENVOY), DEFAULT_LOG_TEXT])
    assert.equal(checkFormat(good), null, good);
  assert.match(checkFormat('%NO_SUCH_THING%') ?? '', /unknown operator NO_SUCH_THING$/);
  // Compared letter by letter with every operator, this would take minutes.
  assert.match(checkFormat(`%${'A'.repeat(4 * 1024 * 1024)}%`) ?? '', /unknown operator A+$/);
  assert.match(checkFormat('%RESPONSE_COD%') ?? '', /did you mean RESPONSE_CODE\?/);
  assert.match(checkFormat('%REQ%') ?? '', /REQ requires parameters/);
  assert.match(checkFormat('%PROTOCOL(a)%') ?? '', /does not take any parameters or length/);
  assert.match(checkFormat('%PROTOCOL:5%') ?? '', /does not take any parameters or length/);
  assert.match(checkFormat('100%') ?? '', /position 3/);
  assert.match(checkFormat('%REQ(a?b?c)%') ?? '', /more than one alternative/);
  assert.match(checkFormat('%COMMON_DURATION(a)%') ?? '', /START:END/);
  assert.match(checkFormat('%METADATA(X:y)%') ?? '', /not one of ROUTE/);
});

test('no value breaks a line, a header or a JSON text', () => {
  const json = compileJson(
    { v: '%REQ(x)%', q: 'q=%QUERY_PARAM(a)%' },
    { ...LOG_OPTIONS, omitEmpty: false, sortKeys: false },
  );
  const line = compileText('%REQ(x)% %QUERY_PARAM(a)%', LOG_OPTIONS);
  const bytes = fc.array(fc.nat({ max: 255 }), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes));
  // What the codecs let through in a field (RFC 9110 5.5).
  const value = bytes.map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, ''));
  fc.assert(
    fc.property(value, bytes, (x, a) => {
      const escaped = [...a].map((c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
      const facts = factsWith({ request: { x, ':path': `/?a=${escaped}` } });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested.
      assert.doesNotMatch(line(facts), /[\x00-\x08\x0a-\x1f\x7f]/);
      const written = json(facts);
      assert.equal(written.indexOf('\n'), written.length - 1);
      JSON.parse(Buffer.from(written, 'latin1').toString('utf8'));
    }),
  );
});
