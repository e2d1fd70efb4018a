import type { Acl } from '../../shared/entities/acl.ts';
import type { CaCertificate } from '../../shared/entities/ca-certificate.ts';
import type { Certificate } from '../../shared/entities/certificate.ts';
import type { Consumer } from '../../shared/entities/consumer.ts';
import type { Plugin } from '../../shared/entities/plugin.ts';
import type { Route } from '../../shared/entities/route.ts';
import type { Target } from '../../shared/entities/target.ts';
import type { Upstream } from '../../shared/entities/upstream.ts';
import type { Sni } from '../../shared/entities/sni.ts';
import type { Service } from '../../shared/entities/service.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { CredentialEntities } from '../plugin-api/credentials.ts';

// The entities that a runtime is built from, typed by their descriptors. Snapshots are canonical: every field is present
// and checked.
export type ServiceEntity = Service;
export type RouteEntity = Route;
/** `config` gets its type where the plugin's own schema checks it. */
export type PluginEntity = Omit<Plugin, 'config'> & { readonly config: unknown };
export type CertificateEntity = Certificate;
export type CaCertificateEntity = CaCertificate;
export type UpstreamEntity = Upstream;
export type TargetEntity = Target;

export interface EntityOf extends CredentialEntities {
  readonly services: ServiceEntity;
  readonly routes: RouteEntity;
  readonly plugins: PluginEntity;
  readonly certificates: CertificateEntity;
  readonly ca_certificates: CaCertificateEntity;
  readonly snis: Sni;
  readonly upstreams: UpstreamEntity;
  readonly targets: TargetEntity;
  readonly consumers: Consumer;
  readonly acls: Acl;
}

/** The entities of one kind; kinds without entities do not travel. */
export function entitiesOf<Plural extends keyof EntityOf>(
  snapshot: Snapshot,
  plural: Plural,
): readonly EntityOf[Plural][] {
  // The border where canonical entities, checked by the control plane, take on their types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (snapshot.entities[plural] ?? []) as unknown as readonly EntityOf[Plural][];
}
