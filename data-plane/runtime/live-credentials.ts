import type { Snapshot } from '../../shared/snapshot.ts';
import type { Credentials } from '../plugin-api/credentials.ts';

/** The consumers and credentials of one snapshot. */
export interface CredentialIndex extends Credentials {
  /** Whether this snapshot has the same consumers and credentials. */
  isOf(snapshot: Snapshot): boolean;
}

/** The credentials of the configuration that is live. Plugin instances keep it: a change of a credential rebuilds none. */
export interface LiveCredentials extends Credentials {
  /** Uses other credentials from here on, also for requests under way: what was revoked opens nothing any more. */
  use(credentials: Credentials): void;
}

const nobody: Credentials = {
  find: () => undefined,
  consumer: () => undefined,
  consumerBy: () => undefined,
  groupsOf: () => [],
};

export function createLiveCredentials(): LiveCredentials {
  let current = nobody;
  return {
    find: (kind, name) => current.find(kind, name),
    consumer: (idOrName) => current.consumer(idOrName),
    consumerBy: (field, value) => current.consumerBy(field, value),
    groupsOf: (consumerId) => current.groupsOf(consumerId),
    use(credentials) {
      current = credentials;
    },
  };
}
