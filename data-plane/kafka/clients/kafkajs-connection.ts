import type { Socket } from 'node:net';
import { KafkaError, type ProduceBatch, type ProduceResult } from '../client.ts';
import { decodeProduceResponse, produceApiKey, produceApiVersion, readVerdict } from '../produce-request.ts';
import type { ClusterSettings } from '../producer.ts';
import {
  type BrokerAddress,
  type BrokerConnection,
  type BrokerConnectionEvents,
  connectionFailed,
  corkThisTurn,
  encodeBatch,
  type MetadataAnswer,
  Throttle,
} from './broker-connection.ts';
import {
  kafkajs,
  type KafkajsBroker,
  type KafkajsConnection,
  type KafkajsConnectionPool,
  type KafkajsExchange,
  type KafkajsMetadata,
} from './kafkajs-internals.ts';

const metadataApiKey = 3;
const describeConfigsApiKey = 32;
/** Kafka's number for a topic among the things that have settings. */
const topicResource = 2;
const clientId = 'sluice';
/** Logs in again this long before a session ends, or when this part of a shorter one is left. */
const reauthenticateBeforeMs = 10_000;
const reauthenticateAtPart = 0.2;
/** Length, api key, api version, correlation id, client id: the request header of version 1. */
const headerBytes = 14 + clientId.length;

/** What the connections of one client share. */
export interface KafkajsCluster {
  readonly cluster: ClusterSettings;
  readonly requestTimeoutMs: number;
  readonly logger: object;
  readonly sasl: object | null;
  readonly ssl: object | null;
}

/**
 * One connection through kafkajs's Broker and Connection: its sockets, TLS, logins, framing, time-outs and metadata.
 *
 * Produce requests are pushed into the connection's request queue directly, as Connection.send does, because that tells
 * for certain whether the bytes were handed to the socket, lets requests for several partitions be in flight at once,
 * and spares its encoder. The queue never holds a request back here: no maximum in flight, and throttling (KIP-219) makes
 * the connection not ready instead, so that records can still be withdrawn.
 */
export class KafkajsBrokerConnection implements BrokerConnection {
  readonly #shared: KafkajsCluster;
  readonly #events: BrokerConnectionEvents;
  readonly #pool: KafkajsConnectionPool;
  readonly #broker: KafkajsBroker;
  #connection: KafkajsConnection | null = null;
  #socket: Socket | null = null;
  #state: 'new' | 'open' | 'closed' = 'new';
  #reauthenticating = false;
  readonly #throttle: Throttle;

  constructor(shared: KafkajsCluster, address: BrokerAddress, events: BrokerConnectionEvents) {
    this.#shared = shared;
    this.#events = events;
    this.#throttle = new Throttle(() => events.onReady());
    const { cluster } = shared;
    const createSocket = kafkajs.createSocketFactory();
    this.#pool = new kafkajs.ConnectionPool({
      ...address,
      clientId,
      logger: shared.logger,
      sasl: shared.sasl,
      ssl: shared.ssl,
      socketFactory: (options: object) => this.#watch(createSocket(options)),
      connectionTimeout: cluster.connectTimeoutMs,
      requestTimeout: shared.requestTimeoutMs,
      enforceRequestTimeout: true,
      maxInFlightRequests: null,
      reauthenticationThreshold: reauthenticateBeforeMs,
    });
    this.#broker = new kafkajs.Broker({
      connectionPool: this.#pool,
      logger: shared.logger,
      authenticationTimeout: cluster.connectTimeoutMs,
      allowAutoTopicCreation: false,
    });
  }

  async open(): Promise<void> {
    const { connectTimeoutMs } = this.#shared.cluster;
    // kafkajs forgets its own time-out when the peer hangs up before the TLS handshake is done.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${connectTimeoutMs} ms`)), connectTimeoutMs);
    });
    try {
      await Promise.race([this.#broker.connect(), late]);
      this.#connection = await this.#pool.getConnection();
    } catch (error) {
      throw toConnectError(error);
    } finally {
      clearTimeout(timer);
    }
    if (this.#state === 'closed') throw connectionFailed('the connection was closed', 'untouched');
    fitReauthentication(this.#connection);
    this.#connection.requestQueue.maybeThrottle = (throttleMs) => this.#extendThrottle(throttleMs ?? 0);
    // Its queue is always empty, but it would set a timer after each answer to look into it.
    this.#connection.requestQueue.scheduleCheckPendingRequests = () => undefined;
    this.#state = 'open';
  }

  isReady(): boolean {
    const connection = this.#connection;
    if (this.#state !== 'open' || connection === null || !connection.isConnected()) return false;
    if (this.#socket === null || this.#socket.writableNeedDrain) return false;
    if (!this.#throttle.isOver) return false;
    if (this.#shared.sasl !== null && !connection.isAuthenticated()) {
      this.#reauthenticate(connection);
      return false;
    }
    return true;
  }

  async metadata(topic: string | null, timeoutMs: number): Promise<MetadataAnswer> {
    const look = this.#broker.lookupRequest(metadataApiKey, kafkajs.requests.Metadata);
    const exchange = look({ topics: [topic], allowAutoTopicCreation: false });
    if (topic === null) {
      // kafkajs writes an empty list as "all topics"; an empty array asks for none.
      exchange.request.encode = () => Promise.resolve(new kafkajs.Encoder().writeInt32(0).writeBoolean(false));
    }
    return readMetadata(await this.#ask('metadata', exchange, timeoutMs), topic);
  }

  async topicConfig(topic: string, name: string, timeoutMs: number): Promise<string | null> {
    const look = this.#broker.lookupRequest(describeConfigsApiKey, kafkajs.requests.DescribeConfigs);
    const exchange = look({ resources: [{ type: topicResource, name: topic, configNames: [name] }] });
    const { resources } = await this.#ask('configuration', exchange, timeoutMs);
    return resources[0]?.configEntries.find(({ configName }) => configName === name)?.configValue ?? null;
  }

  produce(batch: ProduceBatch): Promise<ProduceResult> {
    const connection = this.#connection;
    const socket = this.#socket;
    if (connection === null || socket === null || this.#state !== 'open' || !connection.isConnected()) {
      return Promise.reject(connectionFailed('the connection is down', 'untouched'));
    }
    const { cluster } = this.#shared;
    const { acks } = cluster;
    let frame: Buffer;
    try {
      frame = encodeBatch(cluster, batch, headerBytes);
    } catch (error) {
      return Promise.reject(toRequestError(error, 'untouched'));
    }
    const correlationId = connection.nextCorrelationId();
    writeHeader(frame, correlationId);
    return new Promise((resolve, reject) => {
      let touched = false;
      connection.requestQueue.push({
        entry: {
          apiKey: produceApiKey,
          apiName: 'Produce',
          apiVersion: produceApiVersion,
          correlationId,
          resolve: ({ payload }) => {
            try {
              resolve(payload === null ? { baseOffset: null } : this.#verdict(payload, batch));
            } catch (error) {
              reject(toRequestError(error, 'unknown'));
            }
          },
          reject: (error) => {
            reject(toRequestError(error, touched ? 'unknown' : 'untouched'));
            // Nothing more is sent on a connection that leaves a request unanswered. Not within the queue's own loop over
            // its requests: rejecting them again in there throws.
            queueMicrotask(() => this.#broke(error));
          },
        },
        expectResponse: acks !== 0,
        requestTimeout: null,
        sendRequest: () => {
          touched = true;
          corkThisTurn(socket);
          socket.write(frame);
        },
      });
    });
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#throttle.stop();
    for (const connection of this.#pool.pool) {
      connection.rejectRequests(new Error('the connection was closed'));
      connection.requestQueue.destroy();
    }
    this.#socket?.destroy();
  }

  async #ask<T>(what: string, { request, response }: KafkajsExchange<T>, timeoutMs: number): Promise<T> {
    const connection = this.#connection;
    if (connection === null || this.#state !== 'open') throw connectionFailed('the connection is down', 'untouched');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(timedOut(what, 'unknown')), timeoutMs);
    });
    try {
      // The library's parse throws the first topic's error for all; what was decoded is judged by us.
      const sent = connection.send({
        request,
        response: { decode: response.decode, parse: (decoded) => decoded },
        logResponseError: false,
      });
      return await Promise.race([sent, late]);
    } catch (error) {
      if (error instanceof KafkaError) throw error;
      throw connectionFailed(error instanceof Error ? error.message : 'the request failed', 'unknown', error);
    } finally {
      clearTimeout(timer);
    }
  }

  #verdict(payload: Buffer, batch: ProduceBatch): ProduceResult {
    const answer = decodeProduceResponse(payload);
    if (answer !== null) this.#extendThrottle(answer.throttleMs);
    return readVerdict(answer, batch);
  }

  /** kafkajs sets no TCP_NODELAY and does not listen for `close`, which alone comes when a socket is destroyed. */
  #watch(socket: Socket): Socket {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('drain', () => {
      if (this.#state === 'open') this.#events.onReady();
    });
    socket.on('close', () => this.#broke(new Error('the broker closed the connection')));
    return socket;
  }

  #broke(error: Error): void {
    if (this.#state !== 'open') return;
    this.destroy();
    this.#events.onClosed(connectionFailed(error.message, 'unknown', error));
  }

  /** The broker bounds a login's life (KIP-368): log in again before it ends. */
  #reauthenticate(connection: KafkajsConnection): void {
    if (this.#reauthenticating) return;
    this.#reauthenticating = true;
    connection.authenticate().then(
      () => {
        this.#reauthenticating = false;
        fitReauthentication(connection);
        if (this.#state === 'open') this.#events.onReady();
      },
      (error: unknown) => {
        this.#reauthenticating = false;
        this.#broke(toConnectError(error));
      },
    );
  }

  #extendThrottle(throttleMs: number): void {
    if (this.#state === 'open') this.#throttle.extend(throttleMs);
  }
}

/** With kafkajs's fixed threshold a session shorter than it would never be ready: it would only log in again. */
function fitReauthentication(connection: KafkajsConnection): void {
  const lifetimeMs = Number(String(connection.sessionLifetime));
  connection.reauthenticationThreshold = Math.floor(
    Math.min(reauthenticateBeforeMs, lifetimeMs * reauthenticateAtPart),
  );
}

function writeHeader(frame: Buffer, correlationId: number): void {
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt16BE(produceApiKey, 4);
  frame.writeInt16BE(produceApiVersion, 6);
  frame.writeInt32BE(correlationId, 8);
  frame.writeInt16BE(clientId.length, 12);
  frame.write(clientId, 14, 'latin1');
}

function readMetadata({ brokers, topicMetadata }: KafkajsMetadata, topic: string | null): MetadataAnswer {
  const found = topicMetadata.find((entry) => entry.topic === topic);
  return {
    brokers: brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port })),
    topic:
      found === undefined
        ? null
        : {
            errorCode: found.topicErrorCode,
            partitions: found.partitionMetadata.map(({ partitionId, leader }) => ({ id: partitionId, leader })),
          },
  };
}

function timedOut(what: string, wire: 'untouched' | 'unknown'): KafkaError {
  return new KafkaError('TIMED_OUT', `the broker did not answer the ${what} request in time`, {
    retriable: true,
    wire,
  });
}

function toRequestError(error: unknown, wire: 'untouched' | 'unknown'): KafkaError {
  if (error instanceof KafkaError) return error;
  if (error instanceof Error && error.name === 'KafkaJSRequestTimeoutError') return timedOut('produce', wire);
  return connectionFailed(error instanceof Error ? error.message : 'the request failed', wire, error);
}

function toConnectError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  const message = error instanceof Error ? error.message : 'the connection failed';
  if (
    error instanceof Error &&
    (error.name === 'KafkaJSSASLAuthenticationError' || error.name === 'KafkaJSProtocolError')
  ) {
    return new KafkaError('AUTHENTICATION_FAILED', message, { retriable: false, wire: 'untouched', cause: error });
  }
  return connectionFailed(message, 'untouched', error);
}
