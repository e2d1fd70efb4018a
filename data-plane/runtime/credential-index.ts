import type { Consumer } from '../../shared/entities/consumer.ts';
import { createPacer } from '../../shared/pacer.ts';
import type { Snapshot } from '../../shared/snapshot.ts';
import { digestOf, isSameDigest } from '../plugin-api/constant-time.ts';
import type { ConsumerField, CredentialEntities, CredentialKind, FoundCredential } from '../plugin-api/credentials.ts';
import type { ExchangeConsumer } from '../plugin-api/exchange.ts';
import { entitiesOf, type EntityOf } from './entities.ts';
import type { CredentialIndex } from './live-credentials.ts';
import { areSame } from './route-compiler.ts';

/** A credential with the digest of the name that finds it. */
interface Entry<Kind extends CredentialKind> extends FoundCredential<Kind> {
  readonly digest: Buffer;
}

type Tables = { readonly [Kind in CredentialKind]: Map<string, Entry<Kind>> };

const credentialKinds = [
  'keyauth_credentials',
  'basicauth_credentials',
  'hmacauth_credentials',
  'jwt_secrets',
] as const;
const indexed = ['consumers', 'acls', ...credentialKinds] as const;

/** Indexes the credentials of a snapshot by digest, in slices; the index of the configuration before serves on where nothing changed. */
export async function indexCredentials(
  snapshot: Snapshot,
  live: CredentialIndex | undefined,
  nowMs: () => number = Date.now,
): Promise<CredentialIndex> {
  if (live?.isOf(snapshot) === true) return live;
  const index = new Index(snapshot, nowMs);
  await index.fill(snapshot);
  return index;
}

/** Digests of entities that did not change are not computed again. */
const digests = new WeakMap<object, Buffer>();

class Index implements CredentialIndex {
  readonly #nowMs: () => number;
  readonly #lists: ReadonlyMap<string, readonly object[]>;
  readonly #consumers = new Map<string, ExchangeConsumer>();
  readonly #byName = new Map<string, ExchangeConsumer>();
  readonly #byCustomId = new Map<string, ExchangeConsumer>();
  readonly #groups = new Map<string, string[]>();
  readonly #tables: Tables = {
    keyauth_credentials: new Map(),
    basicauth_credentials: new Map(),
    hmacauth_credentials: new Map(),
    jwt_secrets: new Map(),
  };
  readonly #pacer = createPacer();

  constructor(snapshot: Snapshot, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#lists = new Map(indexed.map((plural) => [plural, entitiesOf(snapshot, plural)]));
  }

  async fill(snapshot: Snapshot): Promise<void> {
    for (const entity of entitiesOf(snapshot, 'consumers')) {
      const consumer = exchangeConsumer(entity);
      this.#consumers.set(consumer.id, consumer);
      if (consumer.username !== null) this.#byName.set(consumer.username, consumer);
      if (consumer.customId !== null) this.#byCustomId.set(consumer.customId, consumer);
      if (this.#pacer.isDue()) await this.#pacer.pause();
    }
    await this.#addAll('keyauth_credentials', entitiesOf(snapshot, 'keyauth_credentials'), ({ key }) => key);
    for (const kind of ['basicauth_credentials', 'hmacauth_credentials'] as const) {
      await this.#addAll(kind, entitiesOf(snapshot, kind), ({ username }) => username);
    }
    await this.#addAll('jwt_secrets', entitiesOf(snapshot, 'jwt_secrets'), ({ key }) => key);
    for (const { consumer, group } of entitiesOf(snapshot, 'acls')) {
      const groups = this.#groups.get(consumer.id);
      if (groups === undefined) this.#groups.set(consumer.id, [group]);
      else groups.push(group);
      if (this.#pacer.isDue()) await this.#pacer.pause();
    }
    for (const groups of this.#groups.values()) groups.sort();
  }

  isOf(snapshot: Snapshot): boolean {
    return indexed.every((plural) => areSame<object>(this.#lists.get(plural) ?? [], entitiesOf(snapshot, plural)));
  }

  find<Kind extends CredentialKind>(kind: Kind, name: string): FoundCredential<Kind> | undefined {
    const digest = digestOf(name);
    const entry = this.#tables[kind].get(digest.toString('latin1'));
    if (entry === undefined || !isSameDigest(entry.digest, digest)) return undefined;
    return hasExpired(entry.credential, this.#nowMs()) ? undefined : entry;
  }

  consumer(idOrName: string): ExchangeConsumer | undefined {
    return this.#consumers.get(idOrName) ?? this.#byName.get(idOrName);
  }

  consumerBy(field: ConsumerField, value: string): ExchangeConsumer | undefined {
    if (field === 'id') return this.#consumers.get(value);
    return (field === 'username' ? this.#byName : this.#byCustomId).get(value);
  }

  groupsOf(consumerId: string): readonly string[] {
    return this.#groups.get(consumerId) ?? [];
  }

  async #addAll<Kind extends CredentialKind>(
    kind: Kind,
    credentials: readonly CredentialEntities[Kind][],
    nameOf: (credential: CredentialEntities[Kind]) => string | null,
  ): Promise<void> {
    const table = this.#tables[kind];
    for (const credential of credentials) {
      const consumer = this.#consumers.get(credential.consumer.id);
      const name = nameOf(credential);
      if (consumer === undefined || name === null) continue;
      const digest = digests.get(credential) ?? digestOf(name);
      digests.set(credential, digest);
      table.set(digest.toString('latin1'), { digest, credential, consumer });
      if (this.#pacer.isDue()) await this.#pacer.pause();
    }
  }
}

function exchangeConsumer({ id, username, custom_id: customId }: Consumer): ExchangeConsumer {
  return { id, username, customId };
}

/** The control plane removes what has expired; a node that it cannot reach must refuse it too. */
function hasExpired(credential: EntityOf[CredentialKind], nowMs: number): boolean {
  const expiresAt = 'expires_at' in credential ? credential.expires_at : null;
  return typeof expiresAt === 'number' && expiresAt * 1_000 <= nowMs;
}
