import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatError } from '../../../core/config-error.ts';
import { readConfig } from '../../../core/config-file.ts';
import { readMesh } from '../../../discovery/catalog/mesh-documents.ts';
import { meshJsonSchema } from '../../../discovery/catalog/mesh-schema.ts';

function mesh(text: string) {
  const { documents, errors } = readConfig(text, 'm.yaml', {});
  assert.deepEqual(errors, []);
  return readMesh(documents);
}

function good(text: string) {
  const { part, errors } = mesh(text);
  assert.deepEqual(errors.map(formatError), []);
  return part;
}

function lines(text: string): string[] {
  return mesh(text).errors.map((error) => formatError(error).split('\n')[0] as string);
}

const LONG = `
kind: Service
metadata: {name: web}
spec:
  port: 8080
  instances: [{name: web-1, address: 127.0.0.1, port: 9001}]
---
kind: AuthorizationPolicy
metadata: {name: web-allow}
spec:
  targetRefs: [{name: web}]
  rules: [{from: [{service: edge}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {listeners: [{name: http, port: 8080, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: all}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: web, port: 8080}]}]
`;

const SHORT = `
services:
  web: {port: 8080, instances: [{name: web-1, address: 127.0.0.1, port: 9001}], allow: [edge]}
gateways:
  edge: {listeners: [{name: http, port: 8080}]}
routes:
  all: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: web, port: 8080}]}]}
`;

test('the short form means the same as the documents it stands for', () => {
  assert.deepEqual(good(SHORT), good(LONG));
});

test('an instance may be written as an address', () => {
  const part = good("services: {web: {port: 80, instances: ['127.0.0.1:1', '[::1]:2']}}");
  assert.deepEqual(
    part.instances.get('web')?.map(({ name, address, port }) => ({ name, address, port })),
    [
      { name: 'web-1', address: '127.0.0.1', port: 1 },
      { name: 'web-2', address: '::1', port: 2 },
    ],
  );
});

test('wrong names are found with what was meant, also in documents with other mistakes', () => {
  assert.deepEqual(
    lines(`
services:
  web: {prt: 8080, upstreams: [{service: catalg, port: 1}], allow: [egde]}
  catalog: {port: 9000}
gateways: {edge: {listeners: [{name: http, port: 80}]}}
routes:
  r: {parentRefs: [{name: edgy}], rules: [{backendRefs: [{name: catlog}]}]}
`).filter((line) => line.includes('FL0109')),
    [
      'm.yaml:3:42: services.web.upstreams[0].service: there is no service "catalg" (did you mean "catalog"?) [FL0109]',
      'm.yaml:3:69: services.web.allow[0]: there is no service or gateway "egde" (did you mean "edge"?) [FL0109]',
      'm.yaml:7:27: routes.r.parentRefs[0].name: there is no gateway "edgy" (did you mean "edge"?) [FL0109]',
      'm.yaml:7:65: routes.r.rules[0].backendRefs[0].name: there is no service "catlog" (did you mean "catalog"?) [FL0109]',
    ],
  );
});

const CASES: readonly { readonly what: string; readonly text: string; readonly line: RegExp }[] = [
  {
    what: 'an unknown kind',
    text: 'kind: HTTPRout\nmetadata: {name: a}',
    line: /^m.yaml:1:7: kind: unknown kind "HTTPRout".*did you mean "HTTPRoute".*FL0108/,
  },
  {
    what: 'a kind that every object has a member of',
    text: 'kind: toString\nmetadata: {name: a}',
    line: /^m.yaml:1:7: kind: unknown kind "toString"/,
  },
  { what: 'a missing kind', text: 'metadata: {name: a}\nspec: {}', line: /kind: required field is missing \[FL0106\]/ },
  {
    what: 'a name twice',
    text: 'services: {a: {port: 1}}\n---\nservices: {a: {port: 2}}',
    line: /the name "a" is given twice \[FL0111\]/,
  },
  { what: 'a document that is no mapping', text: '- a', line: /expected a mapping/ },
  {
    what: 'an address that is a name',
    text: 'services: {a: {port: 1, instances: [{address: host, port: 1}]}}',
    line: /instances\[0\]\.address: must be an IP address/,
  },
  {
    what: 'a protocol misspelt',
    text: 'services: {a: {port: 1, protocol: gprc}}',
    line: /^m\.yaml:1:35: services\.a\.protocol: "gprc" is not one of http, http2, grpc, tcp \(did you mean "grpc"\?\)/,
  },
  {
    what: 'a route to a service of connections',
    text: 'services: {a: {port: 1, protocol: tcp}}\nroutes: {r: {hostnames: [x], rules: [{backendRefs: [{name: a}]}]}}',
    line: /^m\.yaml:2:60: routes\.r\.rules\[0\]\.backendRefs\[0\]\.name: a route carries requests, and "a" takes connections .*FL0112/,
  },
  {
    what: 'rules for the callers of a service of connections',
    text: 'services: {a: {port: 1, protocol: tcp}, b: {port: 2}}\nroutes: {r: {parentRefs: [{kind: Service, name: a}], rules: [{backendRefs: [{name: b}]}]}}',
    line: /^m\.yaml:2:49: routes\.r\.parentRefs\[0\]\.name: a route carries requests/,
  },
  {
    what: 'host names of a service of connections',
    text: 'services: {a: {port: 1, protocol: tcp, hosts: [x]}}',
    line: /^m\.yaml:1:40: services\.a\.hosts: a connection names no host.*FL0112/,
  },
  {
    what: 'paths of connections',
    text: 'kind: Service\nmetadata: {name: a}\nspec: {port: 1, protocol: tcp}\n---\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {targetRefs: [{name: a}], rules: [{to: [{paths: [/x]}]}]}',
    line: /^m\.yaml:7:48: spec\.rules\[0\]\.to\[0\]\.paths: "a" takes connections \(protocol: tcp\), which have no paths \[FL0112\]/,
  },
  {
    what: 'weights of nothing',
    text: 'services: {a: {port: 1}}\nroutes: {r: {hostnames: [x], rules: [{backendRefs: [{name: a, weight: 0}]}]}}',
    line: /weights add up to 0.*FL0112/,
  },
  {
    what: 'a rule that answers and forwards',
    text: 'services: {a: {port: 1}}\nroutes: {r: {hostnames: [x], rules: [{filters: [{type: DirectResponse, directResponse: {statusCode: 200}}], backendRefs: [{name: a}]}]}}',
    line: /either redirects.*FL0112/,
  },
  {
    what: 'a rule that does nothing',
    text: 'routes: {r: {hostnames: [x], rules: [{}]}}',
    line: /backendRefs: required field is missing/,
  },
  {
    what: 'a filter without its field',
    text: 'routes: {r: {hostnames: [x], rules: [{filters: [{type: DirectResponse}]}]}}',
    line: /directResponse: required field is missing for type DirectResponse \[FL0106\]/,
  },
  {
    what: 'a filter with another field',
    text: 'services: {a: {port: 1}}\nroutes: {r: {hostnames: [x], rules: [{filters: [{type: URLRewrite, urlRewrite: {}, directResponse: {statusCode: 200}}], backendRefs: [{name: a}]}]}}',
    line: /does not belong to a filter of type URLRewrite \[FL0112\]/,
  },
  {
    what: 'a path without a slash',
    text: 'services: {a: {port: 1}}\nroutes: {r: {hostnames: [x], rules: [{matches: [{path: {value: shop}}], backendRefs: [{name: a}]}]}}',
    line: /matches\[0\]\.path\.value: a path starts with/,
  },
  {
    what: 'a regular expression that RE2 does not know',
    text: "services: {a: {port: 1}}\nroutes: {r: {hostnames: [x], rules: [{matches: [{path: {type: RegularExpression, value: '(?=a)'}}], backendRefs: [{name: a}]}]}}",
    line: /path\.value: not a regular expression in RE2 syntax/,
  },
  {
    what: 'a retry condition misspelt',
    text: 'services: {a: {port: 1, traffic: {retry: {on: [gateway-eror]}}}}',
    line: /retry\.on\[0\]: "gateway-eror" is not one of .*did you mean "gateway-error"/,
  },
  {
    what: 'a port that the service has not',
    text: 'services: {a: {port: 1}}\nroutes: {r: {hostnames: [x], rules: [{backendRefs: [{name: a, port: 2}]}]}}',
    line: /backendRefs\[0\]\.port: the service "a" has the port 1 \[FL0109\]/,
  },
  {
    what: 'a route that nothing uses',
    text: 'services: {a: {port: 1}}\nroutes: {r: {rules: [{backendRefs: [{name: a}]}]}}',
    line: /needs parentRefs or hostnames/,
  },
  {
    what: 'two mesh policies',
    text: 'mesh: {mtls: STRICT}\n---\nkind: MeshPolicy\nmetadata: {name: m}\nspec: {}',
    line: /given twice/,
  },
  {
    what: 'HTTPS at a gateway',
    text: 'gateways: {e: {listeners: [{name: a, port: 1, protocol: HTTPS}]}}',
    line: /listeners\[0\]\.protocol: .*HTTPS/,
  },
  {
    what: 'a service named like a gateway',
    text: 'services: {a: {port: 1}}\ngateways: {a: {listeners: [{name: h, port: 1}]}}',
    line: /"a" is a service already \[FL0111\]/,
  },
];
for (const { what, text, line } of CASES) {
  test(`refused: ${what}`, () => {
    const found = lines(text);
    assert.ok(
      found.some((one) => line.test(one)),
      found.join('\n') || 'no mistake found',
    );
  });
}

test('policies of several kinds meet in the service, the later winning', () => {
  const part = good(`
services: {a: {port: 1, traffic: {loadBalancing: RANDOM, connectTimeout: 2s}}}
---
kind: CircuitBreaker
metadata: {name: c}
spec: {targetRefs: [{name: a}], connections: 5}
---
kind: RetryPolicy
metadata: {name: r}
spec: {targetRefs: [{name: a}], attempts: 3, budget: {percent: 50}}
`);
  const service = part.services.get('a');
  assert.equal(service?.traffic.loadBalancing, 'RANDOM');
  assert.equal(service?.traffic.connectTimeoutMs, 2000);
  assert.equal(service?.traffic.limits?.connections, 5);
  assert.deepEqual(service?.retry?.budget, { percent: 50, minConcurrency: 3 });
});

test('an empty allow list allows nobody', () => {
  assert.deepEqual(good('services: {a: {port: 1, allow: []}}').policies, [
    { name: 'a-allow', services: ['a'], action: 'ALLOW', rules: [] },
  ]);
});

test('there is a JSON Schema of every kind', () => {
  const text = JSON.stringify(meshJsonSchema());
  for (const word of ['HTTPRoute', 'MeshPolicy', 'backendRefs', 'trustDomain']) assert.ok(text.includes(word), word);
});
