import { certificateFields } from '../../shared/entities/certificate.ts';
import { parseCertificates, parsePrivateKey } from '../../shared/entities/pem.ts';
import { record } from '../../shared/schema/field.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import { resolveReferences, type Environment } from '../../shared/vault.ts';
import type { Certificates, Found } from '../plugin-api/certificates.ts';
import { entitiesOf } from './entities.ts';

const pairField = record({ cert: certificateFields.cert, key: certificateFields.key }, { required: true });

/** The certificates of a snapshot. Each is checked when it is asked for, so that an unused one is never a fault. */
export interface SnapshotCertificates {
  /** Returns the certificates for one instance that is being made. `madeFrom` fills with the entities that it asks for. */
  forOne(): { readonly certificates: Certificates; readonly madeFrom: ReadonlyMap<string, object> };
  /** Whether this snapshot holds the same objects as those that an instance was made from. */
  areSame(madeFrom: ReadonlyMap<string, object>): boolean;
}

export function snapshotCertificates(snapshot: Snapshot, env: Environment): SnapshotCertificates {
  const pairs = byId(entitiesOf(snapshot, 'certificates'));
  const authorities = byId(entitiesOf(snapshot, 'ca_certificates'));
  return {
    forOne() {
      const madeFrom = new Map<string, object>();
      const find = <T extends object>(all: ReadonlyMap<string, T>, id: string): T | undefined => {
        const entity = all.get(id);
        if (entity !== undefined) madeFrom.set(id, entity);
        return entity;
      };
      const certificates: Certificates = {
        pair(id) {
          const entity = find(pairs, id);
          if (entity === undefined) return { kind: 'fault', message: 'refers to a certificate that is not there' };
          const { value, faults } = resolveReferences(pairField, { cert: entity.cert, key: entity.key }, env);
          if (faults.length > 0) return { kind: 'fault', message: faults.map(({ message }) => message).join('; ') };
          return checkPair(value);
        },
        authority(id) {
          const entity = find(authorities, id);
          if (entity === undefined) return { kind: 'fault', message: 'refers to a CA certificate that is not there' };
          return { kind: 'found', value: entity.cert };
        },
      };
      return { certificates, madeFrom };
    },
    areSame(madeFrom) {
      for (const [id, entity] of madeFrom) {
        if (pairs.get(id) !== entity && authorities.get(id) !== entity) return false;
      }
      return true;
    },
  };
}

/** Checks a pair here too: the control plane has not seen values that come from the node's environment. */
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
