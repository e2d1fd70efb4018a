import type { status as GrpcStatus } from '@grpc/grpc-js';
import type { EntityFault } from '../../shared/config-source.ts';
import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { Hello__Output } from '../../shared/generated/sluice/sync/v1/Hello.ts';
import type { NodeHeartbeat__Output } from '../../shared/generated/sluice/sync/v1/NodeHeartbeat.ts';
import type { Logger } from '../../shared/log.ts';
import type { TargetHealthChange } from '../../shared/target-health.ts';
import type { Publication } from './node-class.ts';
import type { TransferSlots } from './transfer-slots.ts';
import type { Pushed } from './transfer.ts';

/** The sending half of a node's stream. */
export interface SessionStream {
  /** Resolves when the node's flow control has let the message go to the network; never after the end of the stream. */
  readonly send: (message: ControlMessage) => Promise<void>;
  /** Ends the stream with a gRPC status, after the messages that were sent before. */
  readonly end: (code: GrpcStatus, details: string) => void;
}

export interface SessionTimings {
  readonly heartbeatMs: number;
  /** The stream ends after this long without a message, or when a message waits this long for a node that does not read. */
  readonly silenceMs: number;
}

export const defaultSessionTimings: SessionTimings = { heartbeatMs: 10_000, silenceMs: 30_000 };

/** The answer of a node to a sample request. */
export interface TryResult {
  readonly status: number;
  readonly json: Buffer;
}

/** A session as its listener sees it. */
export interface Session {
  /** The node follows another database or none: what it runs is not of this one, even where the content is equal. */
  readonly isStranger: boolean;
  /** Looks whether there is a newer configuration to send. */
  offer(): void;
  /** Tells whether the node rejected this version on this stream. */
  hasRejected(hash: string): boolean;
  /** Offers a rejected version again, with the operator's consent that the node takes another database. */
  adopt(hash: string): void;
  /** Lets the node run a sample request; undefined when the stream ends before the answer. */
  tryRequest(json: Buffer): Promise<TryResult | undefined>;
  /** Sends the health of a target that an operator has set. */
  setTargetHealth(change: TargetHealthChange): void;
  /** Ends the stream because a newer one of the same process replaced it. */
  replaced(): void;
  /** Asks the node to reconnect after a random pause of up to `pauseMsMax`, so that nodes do not return together. */
  goaway(reason: string, pauseMsMax: number): void;
}

/** The listener of a session. Its functions are called synchronously, in the order of the stream. */
export interface SessionEvents {
  /** Decides about the first message. A refusal ends the stream with its status. */
  hello(session: Session, hello: Hello__Output): Admission;
  heard(session: Session): void;
  heartbeat(session: Session, heartbeat: NodeHeartbeat__Output): void;
  /** `ackMs`: the time since all of it was sent; undefined when it was not sent on this stream. */
  applied(
    session: Session,
    applied: { hash: string; revision: number | undefined; applyMs: number; ackMs?: number | undefined },
  ): void;
  rejected(session: Session, rejected: { hash: string; revision: number | undefined; faults: EntityFault[] }): void;
  /** Is called when all of a snapshot or delta was sent. */
  pushed(session: Session, pushed: Pushed): void;
  ended(session: Session): void;
}

export type Admission =
  | {
      readonly kind: 'accepted';
      /** Returns the configuration for the node; undefined when nothing is sent. */
      readonly target: () => Publication | undefined;
    }
  | { readonly kind: 'refused'; readonly code: GrpcStatus; readonly details: string };

export interface NodeSessionOptions {
  readonly stream: SessionStream;
  /** The newest revision that was published. */
  readonly revision: () => number;
  readonly connectedNodes: () => number;
  readonly slots: TransferSlots;
  readonly events: SessionEvents;
  /** The version of this control plane. */
  readonly version: string;
  /** The identity of the database; empty when it has none. */
  readonly databaseId: string;
  readonly timings: SessionTimings;
  readonly logger: Logger;
}
