import { certificateFields } from '../../shared/entities/certificate.ts';
import { parseCertificates, parsePrivateKey } from '../../shared/entities/pem.ts';
import { record } from '../../shared/schema/field.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import { resolveReferences, type Environment } from '../../shared/vault.ts';
import type { Certificates, Found } from '../plugins/certificates.ts';
import { entitiesOf } from './entities.ts';

const none: ReadonlyMap<string, object> = new Map();
const pairField = record({ cert: certificateFields.cert, key: certificateFields.key }, { required: true });

export interface SnapshotCertificates extends Certificates {
  /** The entity itself: another object when it was changed. */
  entity(plural: string, id: string): object | undefined;
}

/** The certificates of a snapshot. Only those that are asked for are looked at: what is unused cannot be at fault. */
export function snapshotCertificates(snapshot: Snapshot, env: Environment): SnapshotCertificates {
  const pairs = byId(entitiesOf(snapshot, 'certificates'));
  const authorities = byId(entitiesOf(snapshot, 'ca_certificates'));
  return {
    entity: (plural, id) =>
      (plural === 'certificates' ? pairs : plural === 'ca_certificates' ? authorities : none).get(id),
    pair(id) {
      const entity = pairs.get(id);
      if (entity === undefined) return { kind: 'fault', message: 'refers to a certificate that is not there' };
      const { value, faults } = resolveReferences(pairField, { cert: entity.cert, key: entity.key }, env);
      if (faults.length > 0) return { kind: 'fault', message: faults.map(({ message }) => message).join('; ') };
      return checkPair(value);
    },
    authority(id) {
      const entity = authorities.get(id);
      if (entity === undefined) return { kind: 'fault', message: 'refers to a CA certificate that is not there' };
      return { kind: 'found', value: entity.cert };
    },
  };
}

/** What came from the node's environment was not checked by the control plane. */
function checkPair(pair: { readonly cert: string; readonly key: string }): Found<typeof pair> {
  const certificate = parseCertificates(pair.cert)?.[0];
  if (certificate === undefined) return { kind: 'fault', message: 'the certificate is not PEM' };
  const key = parsePrivateKey(pair.key);
  if (key === undefined) return { kind: 'fault', message: "the certificate's key is not PEM" };
  if (!certificate.checkPrivateKey(key)) {
    return { kind: 'fault', message: 'the certificate does not match its key' };
  }
  return { kind: 'found', value: pair };
}

function byId<T extends { readonly id: string }>(entities: readonly T[]): ReadonlyMap<string, T> {
  return new Map(entities.map((entity) => [entity.id, entity]));
}
