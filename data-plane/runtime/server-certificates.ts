import { createSecureContext, type SecureContext } from 'node:tls';
import type { EntityFault } from '../../shared/config-source.ts';
import type { Pacer } from '../../shared/pacer.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import type { Found } from '../plugin-api/certificates.ts';
import { type CertificateEntity, entitiesOf } from './entities.ts';
import type { ServerPairs, SnapshotCertificates } from './snapshot-certificates.ts';

/** What a certificate entity is to clients. */
interface ServerCertificate {
  readonly pairs: Found<ServerPairs>;
  /** Made with the first handshake that asks for it. */
  context: SecureContext | undefined;
}

/**
 * By entity, which stays the same object while it does not change: a change elsewhere neither checks it again nor ends the
 * sessions that clients resume.
 */
const known = new WeakMap<CertificateEntity, ServerCertificate>();

/** The certificates that a configuration shows to clients, by the server name of the handshake. */
export class ServerCertificates {
  /** By server name; a name may begin or end with `*.`, as a wildcard. */
  readonly #byName: ReadonlyMap<string, ServerCertificate>;
  /** One for each certificate that is named by a server name and cannot be shown. */
  readonly faults: readonly EntityFault[];

  private constructor(byName: ReadonlyMap<string, ServerCertificate>, faults: readonly EntityFault[]) {
    this.#byName = byName;
    this.faults = faults;
  }

  /** Checks the certificates that server names refer to. Those that none refers to are never a fault. */
  static async create(
    snapshot: Snapshot,
    certificates: SnapshotCertificates,
    pacer: Pacer,
  ): Promise<ServerCertificates> {
    const entities = new Map(entitiesOf(snapshot, 'certificates').map((entity) => [entity.id, entity]));
    const byName = new Map<string, ServerCertificate>();
    const faulty = new Map<CertificateEntity, string>();
    const faults: EntityFault[] = [];
    for (const { id, name, certificate } of entitiesOf(snapshot, 'snis')) {
      const entity = entities.get(certificate.id);
      if (entity === undefined) {
        const message = 'refers to a certificate that is not there';
        faults.push({ entityType: 'sni', entityId: id, entityName: name, path: 'certificate', message });
        continue;
      }
      const server = serverCertificate(entity, certificates);
      if (server.pairs.kind === 'fault') faulty.set(entity, server.pairs.message);
      else byName.set(name.toLowerCase(), server);
      if (pacer.isDue()) await pacer.pause();
    }
    for (const [{ id }, message] of faulty) {
      faults.push({ entityType: 'certificate', entityId: id, entityName: '', path: '', message });
    }
    return new ServerCertificates(byName, faults);
  }

  /** Returns the certificate for a server name in lower case: of the name itself, else of a wildcard for it. */
  contextFor(serverName: string): SecureContext | undefined {
    if (this.#byName.size === 0) return undefined;
    for (const name of namesFor(serverName)) {
      const server = this.#byName.get(name);
      if (server?.pairs.kind === 'found') return (server.context ??= createSecureContext(server.pairs.value));
    }
    return undefined;
  }
}

function serverCertificate(entity: CertificateEntity, certificates: SnapshotCertificates): ServerCertificate {
  let server = known.get(entity);
  if (server === undefined) {
    server = { pairs: certificates.serverPairs(entity), context: undefined };
    known.set(entity, server);
  }
  return server;
}

/** The names under which the certificate of a server may stand, the most specific first; `*` is the default of all. */
function namesFor(serverName: string): readonly string[] {
  const first = serverName.indexOf('.');
  const last = serverName.lastIndexOf('.');
  const wildcards = first === -1 ? [] : [`*${serverName.slice(first)}`, `${serverName.slice(0, last)}.*`];
  return [serverName, ...wildcards, '*'];
}
