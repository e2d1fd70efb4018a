/** A version of one API. */
export interface ApiVersion {
  readonly apiKey: number;
  readonly apiVersion: number;
  /** From this version on strings and arrays are compact and headers end with tagged fields (KIP-482). */
  readonly flexible: boolean;
}

/** One request to one broker, below its header. */
export interface WireRequest extends ApiVersion {
  /** The body behind this many free bytes, which the connection fills with its header. */
  encode(headroomBytes: number): Buffer;
  readonly expectsAnswer: boolean;
}

/** The highest version of an API that a broker offers; -1: it does not know it. */
export type HighestVersion = (apiKey: number) => number;
