import type { Snapshot } from '../../shared/snapshot.ts';

/** The fields of entities that a runtime is built from. Snapshots are canonical: every field is present and checked. */
export interface ServiceEntity {
  readonly id: string;
  readonly name: string | null;
  readonly enabled: boolean;
}

export interface RouteEntity {
  readonly id: string;
  readonly name: string | null;
  readonly created_at: number;
  readonly protocols: readonly string[];
  readonly methods: readonly string[] | null;
  readonly hosts: readonly string[] | null;
  readonly paths: readonly string[] | null;
  readonly headers: Readonly<Record<string, readonly string[]>> | null;
  readonly snis: readonly string[] | null;
  readonly https_redirect_status_code: number;
  readonly regex_priority: number | null;
  readonly service: Reference | null;
}

export interface PluginEntity {
  readonly id: string;
  readonly name: string;
  readonly instance_name: string | null;
  readonly route: Reference | null;
  readonly service: Reference | null;
  readonly consumer: Reference | null;
  readonly config: unknown;
  readonly protocols: readonly string[];
  readonly enabled: boolean;
}

export interface CertificateEntity {
  readonly id: string;
  readonly cert: string;
  readonly key: string;
}

export interface CaCertificateEntity {
  readonly id: string;
  readonly cert: string;
}

export interface Reference {
  readonly id: string;
}

export type EntityOf = {
  readonly services: ServiceEntity;
  readonly routes: RouteEntity;
  readonly plugins: PluginEntity;
  readonly certificates: CertificateEntity;
  readonly ca_certificates: CaCertificateEntity;
};

/** The entities of one kind; kinds without entities do not travel. */
export function entitiesOf<Plural extends keyof EntityOf>(
  snapshot: Snapshot,
  plural: Plural,
): readonly EntityOf[Plural][] {
  // The border where canonical entities, checked by the control plane, take on their types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (snapshot.entities[plural] ?? []) as unknown as readonly EntityOf[Plural][];
}
