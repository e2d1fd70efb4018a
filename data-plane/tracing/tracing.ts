import type { Logger } from '../../shared/log.ts';

/** The facts of a request that a trace shows. */
export interface TracedRequest {
  readonly method: string;
  readonly protocol: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  readonly host: string;
  readonly headers: { get(name: string): string | undefined };
}

/** The span of a request, from its match to its answer. */
export interface RequestSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Begins the span of one record on its way. */
  produce(topic: string): ProduceSpan;
  /** Begins the span of the request to a service. */
  forward(service: string): ForwardSpan;
  /** `route`: name or id; undefined without one. */
  end(status: number, route: string | undefined): void;
}

export interface ProduceSpan {
  /** W3C's trace context with this span as the parent of whoever reads the record. */
  readonly traceparent: string;
  end(result: ProduceResult): void;
}

export interface ForwardSpan {
  /** W3C's trace context with this span as the parent of what the service does. */
  readonly traceparent: string;
  /** `cause`: why no target answered, in words. */
  end(status: number, cause?: string): void;
}

/** The result of publishing a record; a verdict of the producer has these fields. */
export interface ProduceResult {
  readonly outcome: string;
  readonly code?: string;
  readonly message?: string;
  readonly partition?: number;
  readonly offset?: string;
}

export interface Tracing {
  /** Continues the trace that the request's `traceparent` names, or begins one. */
  request(request: TracedRequest): RequestSpan;
  /** Exports the finished spans, which takes long when the collector does not answer. Never rejects. */
  close(): Promise<void>;
}

/** An endpoint that spans go to, and how. */
export interface EndpointOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
  /** The part of the traces without a parent that is sampled; null: all. */
  readonly samplingRate: number | null;
  /** Time limit of an export. */
  readonly timeoutMs: number;
  readonly batchSpansMax: number;
  readonly queueSpansMax: number;
  /** Time for which spans are gathered. */
  readonly delayMs: number;
}

export interface TracingOptions {
  readonly env: Environment;
  readonly sluiceVersion: string;
  readonly nodeId: string;
  readonly logger: Logger;
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type MakeTracing = (options: TracingOptions) => Tracing;
