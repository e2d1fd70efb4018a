import { aclEntity } from './acl.ts';
import { basicauthCredentialEntity } from './basicauth-credential.ts';
import { caCertificateEntity } from './ca-certificate.ts';
import { certificateEntity } from './certificate.ts';
import { consumerEntity } from './consumer.ts';
import type { EntityDescriptor } from './entity.ts';
import { hmacauthCredentialEntity } from './hmacauth-credential.ts';
import { jwtSecretEntity } from './jwt-secret.ts';
import { keyauthCredentialEntity } from './keyauth-credential.ts';
import { pluginEntity } from './plugin.ts';
import { routeEntity } from './route.ts';
import { serviceEntity } from './service.ts';
import { sniEntity } from './sni.ts';
import { targetEntity } from './target.ts';
import { upstreamEntity } from './upstream.ts';

/** All kinds of entities, parents before the children that refer to them. */
export const entities: readonly EntityDescriptor[] = [
  certificateEntity,
  caCertificateEntity,
  sniEntity,
  upstreamEntity,
  targetEntity,
  serviceEntity,
  routeEntity,
  consumerEntity,
  keyauthCredentialEntity,
  basicauthCredentialEntity,
  hmacauthCredentialEntity,
  jwtSecretEntity,
  aclEntity,
  pluginEntity,
];
