import { createSecureContext, type SecureContext } from 'node:tls';
import type { Snapshot } from '../../shared/snapshot.ts';
import { entitiesOf } from './entities.ts';
import type { SnapshotCertificates } from './snapshot-certificates.ts';

/** The certificates that a configuration shows to clients, by the server name of the handshake. */
export class ServerCertificates {
  readonly #certificates: SnapshotCertificates;
  /** Ids of certificates by server name; a name may begin or end with `*.`, as a wildcard. */
  readonly #ids: ReadonlyMap<string, string>;
  /** Made with the first handshake that asks for one. */
  readonly #contexts = new Map<string, SecureContext | undefined>();

  constructor(snapshot: Snapshot, certificates: SnapshotCertificates) {
    this.#certificates = certificates;
    this.#ids = new Map(
      entitiesOf(snapshot, 'snis').map(({ name, certificate }) => [name.toLowerCase(), certificate.id]),
    );
  }

  /** Returns the certificate for a server name in lower case: of the name itself, else of a wildcard for it. */
  contextFor(serverName: string): SecureContext | undefined {
    if (this.#ids.size === 0) return undefined;
    for (const name of namesFor(serverName)) {
      const id = this.#ids.get(name);
      if (id !== undefined) return this.#contextOf(id);
    }
    return undefined;
  }

  #contextOf(id: string): SecureContext | undefined {
    if (!this.#contexts.has(id)) {
      const pair = this.#certificates.forOne().certificates.pair(id);
      this.#contexts.set(id, pair.kind === 'found' ? createSecureContext(pair.value) : undefined);
    }
    return this.#contexts.get(id);
  }
}

/** The names under which the certificate of a server may stand, the most specific first; `*` is the default of all. */
function namesFor(serverName: string): readonly string[] {
  const first = serverName.indexOf('.');
  const last = serverName.lastIndexOf('.');
  const wildcards = first === -1 ? [] : [`*${serverName.slice(first)}`, `${serverName.slice(0, last)}.*`];
  return [serverName, ...wildcards, '*'];
}
