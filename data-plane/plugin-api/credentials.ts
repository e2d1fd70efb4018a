import type { BasicauthCredential } from '../../shared/entities/basicauth-credential.ts';
import type { HmacauthCredential } from '../../shared/entities/hmacauth-credential.ts';
import type { JwtSecret } from '../../shared/entities/jwt-secret.ts';
import type { KeyauthCredential } from '../../shared/entities/keyauth-credential.ts';
import type { ExchangeConsumer } from './exchange.ts';

/** The kinds of credentials, by the plural names of their entities. */
export interface CredentialEntities {
  readonly keyauth_credentials: KeyauthCredential;
  readonly basicauth_credentials: BasicauthCredential;
  readonly hmacauth_credentials: HmacauthCredential;
  readonly jwt_secrets: JwtSecret;
}

export type CredentialKind = keyof CredentialEntities;

/** The fields of a consumer that are unique. */
export type ConsumerField = 'id' | 'username' | 'custom_id';

export interface FoundCredential<Kind extends CredentialKind> {
  readonly credential: CredentialEntities[Kind];
  readonly consumer: ExchangeConsumer;
}

/** The consumers of the live configuration and what they prove themselves with. */
export interface Credentials {
  /** Finds a credential by its key or user name; undefined where there is none or it has expired. The time that this takes tells nothing of other names. */
  find<Kind extends CredentialKind>(kind: Kind, name: string): FoundCredential<Kind> | undefined;
  /** Finds a consumer by its id or its username. */
  consumer(idOrName: string): ExchangeConsumer | undefined;
  /** Finds a consumer by one of its fields. */
  consumerBy(field: ConsumerField, value: string): ExchangeConsumer | undefined;
  /** Returns the groups of a consumer by their acls, in order. */
  groupsOf(consumerId: string): readonly string[];
}
