// Everything that speaks gRPC to discovery: its stream, the authority, the registry. Loaded where the bootstrap
// names a discovery; a proxy with a file alone does without it, and without the memory that it takes.

export { AUTHORITY_NAME } from './identity/authority-client.ts';
export { Certifier, OWN_SECRET } from './identity/certify.ts';
export { Registration } from './identity/register.ts';
export { credentialsOf, targetOf } from './xds/ads-channel.ts';
export { createAdsSource } from './xds/ads-source.ts';
