import type { JwtSecret } from '../../shared/entities/jwt-secret.ts';
import type { KeyauthCredential } from '../../shared/entities/keyauth-credential.ts';
import type { ExchangeConsumer } from './exchange.ts';

/** The kinds of credentials, by the plural names of their entities. */
export interface CredentialEntities {
  readonly keyauth_credentials: KeyauthCredential;
  readonly jwt_secrets: JwtSecret;
}

export type CredentialKind = keyof CredentialEntities;

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
}
