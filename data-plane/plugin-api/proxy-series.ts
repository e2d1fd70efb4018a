/** The owners of the request that a sample is about: names or ids; '' where there is none. */
export interface SampleLabels {
  readonly service: string;
  readonly route: string;
  readonly consumer: string;
}

/** Metrics of requests that a plugin shows by route, and by consumer where it is told to. */
export interface ProxySeries {
  /** Returns the label of a consumer: its name, or `other` where the node shows as many as it may. */
  consumerLabel(name: string): string;
  /** `source`: who gave the answer. */
  request(labels: SampleLabels, status: number, source: 'service' | 'kong'): void;
  latency(labels: SampleLabels, kind: 'request' | 'kong' | 'upstream', milliseconds: number): void;
  bytes(labels: SampleLabels, direction: 'ingress' | 'egress', bytes: number): void;
}
