import { certificateFields } from '../../shared/entities/certificate.ts';
import { parseCertificates, parsePrivateKey } from '../../shared/entities/pem.ts';
import { record } from '../../shared/schema/field.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import { resolveReferences, type Environment } from '../../shared/vault.ts';
import type { Certificates, Found } from '../plugin-api/certificates.ts';
import { type CertificateEntity, entitiesOf } from './entities.ts';

const pairField = record({ cert: certificateFields.cert, key: certificateFields.key }, { required: true });

/** Certificates and their keys, in the same order; PEM, references resolved. */
export interface ServerPairs {
  readonly cert: string[];
  readonly key: string[];
}

/** The certificates of a snapshot. Each is checked when it is asked for, so that an unused one is never a fault. */
export interface SnapshotCertificates {
  /** Returns the certificates for one instance that is being made. `madeFrom` fills with the entities that it asks for. */
  forOne(): { readonly certificates: Certificates; readonly madeFrom: ReadonlyMap<string, object> };
  /** Returns the pair of a certificate, and its alternative of another type, for clients that connect over TLS. */
  serverPairs(entity: CertificateEntity): Found<ServerPairs>;
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
          return resolvePair(entity.cert, entity.key, env);
        },
        authority(id) {
          const entity = find(authorities, id);
          if (entity === undefined) return { kind: 'fault', message: 'refers to a CA certificate that is not there' };
          return { kind: 'found', value: entity.cert };
        },
      };
      return { certificates, madeFrom };
    },
    serverPairs({ cert, key, cert_alt: certAlt, key_alt: keyAlt }) {
      const first = resolvePair(cert, key, env);
      if (first.kind === 'fault' || !certAlt || !keyAlt) return asServerPairs([first]);
      return asServerPairs([first, resolvePair(certAlt, keyAlt, env)]);
    },
    areSame(madeFrom) {
      for (const [id, entity] of madeFrom) {
        if (pairs.get(id) !== entity && authorities.get(id) !== entity) return false;
      }
      return true;
    },
  };
}

type Pair = { readonly cert: string; readonly key: string };

function resolvePair(cert: string, key: string, env: Environment): Found<Pair> {
  const { value, faults } = resolveReferences(pairField, { cert, key }, env);
  if (faults.length > 0) return { kind: 'fault', message: faults.map(({ message }) => message).join('; ') };
  return checkPair(value);
}

function asServerPairs(pairs: readonly Found<Pair>[]): Found<ServerPairs> {
  const value: ServerPairs = { cert: [], key: [] };
  for (const pair of pairs) {
    if (pair.kind === 'fault') return pair;
    value.cert.push(pair.value.cert);
    value.key.push(pair.value.key);
  }
  return { kind: 'found', value };
}

/** Checks a pair here too: the control plane has not seen values that come from the node's environment. */
function checkPair(pair: Pair): Found<Pair> {
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
