import type { OpenExchange } from '../plugin-api/exchange.ts';
import type { LimitName, ListenerLimits } from './listener-limits.ts';
import type { RequestBodies } from './request-bodies.ts';
import type { TrustedAddresses } from './trusted-addresses.ts';

/** The things that all connections of one listener share, whatever their protocol. */
export interface ListenerContext {
  readonly handle: (exchange: OpenExchange) => void;
  /** Whether a request that offers another protocol goes to a service that may take the offer. */
  readonly takesUpgrade: (exchange: OpenExchange) => boolean;
  readonly bodyBytesMax: number;
  readonly limits: ListenerLimits;
  readonly trusted: TrustedAddresses;
  /** Shared by all listeners of a node. */
  readonly bodies: RequestBodies;
  /** Counts and logs that a limit was reached. */
  readonly onLimit: (limit: LimitName) => void;
  /** Counts a request that was refused before it became an exchange. */
  readonly onRefused: (status: number) => void;
  /** The listener's own port, for requests whose Host names none. */
  port: number;
  /** The node drains: answers tell the client to close the connection. */
  isDraining: boolean;
}
