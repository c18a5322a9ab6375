// The documents of mesh.yaml, as zod schemas: kinds and field names of the Gateway API where it has them
// (Gateway, HTTPRoute), our own where it has not. The JSON Schema of `fairlead schema` is made from these.

import { isIP } from 'node:net';
import { z } from 'zod';
import { compileRe2 } from '../../core/re2.ts';
import { duration, label, port } from '../../core/config-scalars.ts';

const ipAddress = z.string().refine((text) => isIP(text) !== 0, 'must be an IP address, like 127.0.0.1 or ::1');
const hostname = z
  .string()
  .regex(
    /^(\*\.)?([A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?$/,
    'must be a host name, like shop.example or *.shop.example',
  );
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;
const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}$/, 'must be the name of a header');
const headerValue = z
  .string()
  .max(4096)
  .regex(/^[^\r\n\0]*$/, 'a header value has no line breaks');
const PATH_RULE = 'a path starts with "/" and has no query or fragment';
const pathText = z
  .string()
  .regex(/^\/[^?#\s]*$/, PATH_RULE)
  .max(1024);
const metadata = z.strictObject({
  name: label(),
  namespace: label().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const weight = z.number().int().min(0).max(1_000_000);
const percent = z.number().min(0).max(100);

export const instanceFields = z.strictObject({
  name: label().optional(),
  address: ipAddress,
  port: port(),
  appPort: port().optional(),
  weight: z.number().int().min(1).max(128).optional(),
  region: z.string().max(128).optional(),
  zone: z.string().max(128).optional(),
  version: z.string().max(63).optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

export const mtlsMode = z.enum(['STRICT', 'PERMISSIVE', 'DISABLE']);

/** Envoy's words for `retry_on`, those of HTTP first, then those of gRPC. */
const RETRY_CONDITIONS = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'refused-stream',
  'retriable-4xx',
  'retriable-status-codes',
  'envoy-ratelimited',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const;

const retryFields = {
  attempts: z.number().int().min(0).max(10).optional(),
  on: z.array(z.enum(RETRY_CONDITIONS)).optional(),
  codes: z.array(z.number().int().min(400).max(599)).optional(),
  backoff: z
    .union([
      duration({ positive: true }),
      z.strictObject({ base: duration({ positive: true }), max: duration({ positive: true }).optional() }),
    ])
    .optional(),
  perTryTimeout: duration().optional(),
  budget: z
    .strictObject({ percent: percent.optional(), minConcurrency: z.number().int().min(0).max(1_000_000).optional() })
    .optional(),
  safeOnly: z.boolean().optional(),
};
export const retry = z.strictObject(retryFields);

const limitFields = {
  connections: z.number().int().min(0).optional(),
  pendingRequests: z.number().int().min(0).optional(),
  requests: z.number().int().min(0).optional(),
  retries: z.number().int().min(0).optional(),
};
const outlierDetection = z.strictObject({
  consecutive5xx: z.number().int().min(0).optional(),
  consecutiveGatewayErrors: z.number().int().min(0).optional(),
  interval: duration({ positive: true }).optional(),
  baseEjectionTime: duration({ positive: true }).optional(),
  maxEjectionPercent: percent.optional(),
});
const trafficFields = {
  loadBalancing: z.enum(['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM']).optional(),
  panicThreshold: percent.optional(),
  connectTimeout: duration({ positive: true }).optional(),
  idleTimeout: duration().optional(),
  limits: z.strictObject(limitFields).optional(),
  outlierDetection: z.union([outlierDetection, z.literal(false)]).optional(),
  retry: retry.optional(),
};
export const traffic = z.strictObject(trafficFields);

const serviceTarget = z.strictObject({
  group: z.string().optional(),
  kind: z.literal('Service').optional(),
  name: label(),
  namespace: label().optional(),
});
const targetRefs = z.array(serviceTarget).min(1, 'name at least one service');

export const serviceSpec = z.strictObject({
  port: port(),
  protocol: z.enum(['http', 'http2', 'grpc', 'tcp']).optional(),
  hosts: z.array(hostname).optional(),
  instances: z.array(instanceFields).optional(),
  upstreams: z.array(z.strictObject({ service: label(), port: port() })).optional(),
  mtls: mtlsMode.optional(),
  traffic: traffic.optional(),
});

function regexProblem(text: string): string | null {
  try {
    compileRe2(text);
    return null;
  } catch (error) {
    return `not a regular expression in RE2 syntax: ${(error as Error).message}`;
  }
}

const namedMatch = z
  .strictObject({
    name: z.string().min(1).max(256),
    type: z.enum(['Exact', 'RegularExpression', 'Present']).optional(),
    value: z.string().max(4096).optional(),
  })
  .superRefine((match, context) => {
    const missing = match.type !== 'Present' && match.value === undefined;
    const problem = match.type === 'RegularExpression' && match.value !== undefined ? regexProblem(match.value) : null;
    if (missing)
      context.addIssue({
        code: 'custom',
        path: ['value'],
        message: 'required field is missing',
        params: { code: 'FL0106' },
      });
    if (problem !== null) context.addIssue({ code: 'custom', path: ['value'], message: problem });
  });
const pathMatch = z
  .strictObject({
    type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).optional(),
    value: z.string().min(1).max(1024),
  })
  .superRefine((match, context) => {
    const isPath = pathText.safeParse(match.value).success;
    const problem = match.type === 'RegularExpression' ? regexProblem(match.value) : isPath ? null : PATH_RULE;
    if (problem !== null) context.addIssue({ code: 'custom', path: ['value'], message: problem });
  });
const routeMatch = z.strictObject({
  path: pathMatch.optional(),
  headers: z.array(namedMatch).max(16).optional(),
  queryParams: z.array(namedMatch).max(16).optional(),
  method: z.enum(METHODS).optional(),
});

const headerPair = z.strictObject({ name: headerName, value: headerValue });
const headerChange = z.strictObject({
  set: z.array(headerPair).optional(),
  add: z.array(headerPair).optional(),
  remove: z.array(headerName).optional(),
});
const pathChange = z
  .strictObject({
    type: z.enum(['ReplaceFullPath', 'ReplacePrefixMatch']),
    replaceFullPath: pathText.optional(),
    replacePrefixMatch: z.union([pathText, z.literal('')]).optional(),
  })
  .superRefine((change, context) => {
    const field = change.type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch';
    if (change[field] === undefined)
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `required field is missing for type ${change.type}`,
        params: { code: 'FL0106' },
      });
  });
const redirect = z.strictObject({
  scheme: z.enum(['http', 'https']).optional(),
  hostname: hostname.optional(),
  port: port().optional(),
  path: pathChange.optional(),
  statusCode: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
      error: 'must be 301, 302, 303, 307 or 308',
    })
    .optional(),
});
const rewrite = z.strictObject({ hostname: hostname.optional(), path: pathChange.optional() });
const directResponse = z.strictObject({
  statusCode: z.number().int().min(200).max(599),
  body: z.string().max(4096).optional(),
});

const FILTER_FIELDS = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  DirectResponse: 'directResponse',
} as const;
const routeFilter = z
  .strictObject({
    type: z.enum([
      'RequestHeaderModifier',
      'ResponseHeaderModifier',
      'RequestRedirect',
      'URLRewrite',
      'DirectResponse',
    ]),
    requestHeaderModifier: headerChange.optional(),
    responseHeaderModifier: headerChange.optional(),
    requestRedirect: redirect.optional(),
    urlRewrite: rewrite.optional(),
    directResponse: directResponse.optional(),
  })
  .superRefine((filter, context) => {
    for (const [type, field] of Object.entries(FILTER_FIELDS)) {
      const given = filter[field] !== undefined;
      if (type === filter.type && !given)
        context.addIssue({
          code: 'custom',
          path: [field],
          message: `required field is missing for type ${type}`,
          params: { code: 'FL0106' },
        });
      if (type !== filter.type && given)
        context.addIssue({
          code: 'custom',
          path: [field],
          message: `does not belong to a filter of type ${filter.type}`,
          params: { code: 'FL0112' },
        });
    }
  });

const backendRef = z.strictObject({
  group: z.string().optional(),
  kind: z.literal('Service').optional(),
  name: label(),
  namespace: label().optional(),
  port: port().optional(),
  weight: weight.optional(),
  version: z.string().min(1).max(63).optional(),
});
const routeRule = z.strictObject({
  name: label().optional(),
  matches: z.array(routeMatch).min(1).max(64).optional(),
  filters: z.array(routeFilter).max(16).optional(),
  backendRefs: z.array(backendRef).max(64).optional(),
  timeouts: z.strictObject({ request: duration().optional(), backendRequest: duration().optional() }).optional(),
  retry: retry.optional(),
});
const parentRef = z.strictObject({
  group: z.string().optional(),
  kind: z.enum(['Gateway', 'Service']).optional(),
  name: label(),
  namespace: label().optional(),
  sectionName: label().optional(),
  port: port().optional(),
});
export const httpRouteSpec = z.strictObject({
  parentRefs: z.array(parentRef).optional(),
  hostnames: z.array(hostname).optional(),
  rules: z.array(routeRule).min(1, 'a route needs at least one rule'),
});

export const gatewaySpec = z.strictObject({
  gatewayClassName: z.string().optional(),
  addresses: z
    .array(z.strictObject({ type: z.literal('IPAddress').optional(), value: ipAddress }))
    .max(1)
    .optional(),
  listeners: z
    .array(
      z.strictObject({
        name: label(),
        port: port(),
        protocol: z.enum(['HTTP']).optional(),
        hostname: hostname.optional(),
      }),
    )
    .min(1, 'a gateway needs at least one listener'),
});

const caller = z
  .strictObject({
    service: label().optional(),
    namespace: label().optional(),
    principal: z
      .string()
      .regex(/^spiffe:\/\/[^\s]+$/, 'must be a SPIFFE id, like spiffe://cluster.local/ns/default/sa/web')
      .optional(),
  })
  .superRefine((from, context) => {
    if ((from.service === undefined) === (from.principal === undefined)) {
      context.addIssue({ code: 'custom', message: 'name either a service or a principal', params: { code: 'FL0112' } });
    }
  });
const operation = z.strictObject({
  paths: z.array(z.string().regex(/^(\/[^?#\s]*|\*)$/, 'a path starts with "/" and may end with "*"')).optional(),
  methods: z.array(z.enum(METHODS)).optional(),
});
export const authorizationSpec = z.strictObject({
  targetRefs: targetRefs.optional(),
  action: z.enum(['ALLOW', 'DENY']).optional(),
  rules: z.array(z.strictObject({ from: z.array(caller).optional(), to: z.array(operation).optional() })).optional(),
});

export const meshSpec = z.strictObject({
  trustDomain: z
    .string()
    .regex(/^[a-z0-9._-]{1,255}$/, 'a trust domain is made of a-z, 0-9, ".", "-" and "_"')
    .optional(),
  mtls: z.union([mtlsMode, z.strictObject({ mode: mtlsMode })]).optional(),
  leafTtl: duration({ positive: true }).optional(),
  allowKeysOverSds: z.boolean().optional(),
  accessLog: z
    .union([
      z.literal('stdout'),
      z.literal(false),
      z.string().regex(/^\//, 'must be stdout, or the absolute path of a file'),
    ])
    .optional(),
});

export const trafficSpec = z.strictObject({ targetRefs, ...trafficFields });
export const circuitBreakerSpec = z.strictObject({
  targetRefs,
  ...limitFields,
  outlierDetection: z.union([outlierDetection, z.literal(false)]).optional(),
});
export const retrySpec = z.strictObject({ targetRefs, ...retryFields });

function kind<K extends string, S extends z.ZodType>(name: K, spec: S) {
  return z.strictObject({
    apiVersion: z.string().optional(),
    kind: z.literal(name),
    metadata,
    spec,
    status: z.unknown().optional(),
  });
}

/** Every kind of document, by its name. */
export const KINDS = {
  Service: kind('Service', serviceSpec),
  HTTPRoute: kind('HTTPRoute', httpRouteSpec),
  Gateway: kind('Gateway', gatewaySpec),
  TrafficPolicy: kind('TrafficPolicy', trafficSpec),
  CircuitBreaker: kind('CircuitBreaker', circuitBreakerSpec),
  RetryPolicy: kind('RetryPolicy', retrySpec),
  AuthorizationPolicy: kind('AuthorizationPolicy', authorizationSpec),
  MeshPolicy: kind('MeshPolicy', meshSpec),
} as const;

export type Kind = keyof typeof KINDS;

/** The short form: one document for a whole small mesh; expand.ts turns each entry into its long form. */
const shortInstance = z.union([
  z
    .string()
    .regex(
      /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$/,
      'write an instance as ADDRESS:PORT, like 127.0.0.1:9001',
    ),
  instanceFields,
]);
export const shortForm = z.strictObject({
  mesh: meshSpec.optional(),
  services: z
    .record(
      label(),
      z.strictObject({
        ...serviceSpec.shape,
        instances: z.array(shortInstance).optional(),
        allow: z.array(z.string()).optional(),
        namespace: label().optional(),
      }),
    )
    .optional(),
  routes: z.record(label(), httpRouteSpec).optional(),
  gateways: z.record(label(), gatewaySpec).optional(),
});

export type ShortForm = z.output<typeof shortForm>;
export type ShortService = NonNullable<ShortForm['services']>[string];
export type Documents = { readonly [K in Kind]: z.output<(typeof KINDS)[K]> };

/** JSON Schema of one document of mesh.yaml, for editors. */
export function meshJsonSchema(): unknown {
  const options = { io: 'input', unrepresentable: 'any', reused: 'inline' } as const;
  const forms = [...Object.values(KINDS), shortForm].map((schema) => {
    const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, options);
    return rest;
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'mesh.yaml of Fairlead: one document',
    anyOf: forms,
  };
}
