/** Stands on the clock while a message becomes a Lua value, or a Lua value becomes JSON. */
export const conversion = -1;

/** A request of the node to a Lua thread, one at a time. Chains are named by numbers that the node chooses. */
export type LuaRequest =
  | { readonly kind: 'compile'; readonly chain: number; readonly functions: readonly string[] }
  /** The messages are JSON text. */
  | { readonly kind: 'run'; readonly chain: number; readonly messages: readonly string[] }
  | { readonly kind: 'drop'; readonly chain: number };

export type LuaReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'compiled'; readonly faults: readonly LuaFunctionFault[] }
  /** The results of the messages, or of the first of them. */
  | { readonly kind: 'ran'; readonly results: readonly LuaResult[] };

/** What became of one message, and how long its calls and conversions took. */
export type LuaResult = (LuaDone | LuaFailed) & { readonly tookMs: number };

export interface LuaDone {
  readonly kind: 'done';
  /** JSON text of a table, the bytes of a string, or null for nil. */
  readonly result: string | Uint8Array | null;
}

export interface LuaFailed {
  readonly kind: 'failed';
  /** Position in the chain, from 0; the length of the chain when the last result cannot be a record. */
  readonly index: number;
  /** Lua's own error message, for the operator. */
  readonly message: string;
  /** The chain's memory is full: its thread must be replaced. */
  readonly outOfMemory: boolean;
}

/** The reason why a function cannot be used. */
export interface LuaFunctionFault {
  /** Position in the chain, from 0. */
  readonly index: number;
  /** From 1; null where Lua named none. */
  readonly line: number | null;
  readonly message: string;
}

/** The data that a Lua thread starts with. */
export interface LuaThreadData {
  readonly memoryMaxBytes: number;
  /**
   * Three 64-bit integers: when the present work began (monotonic ns; 0 for none), the index of the function that is
   * called, or `conversion`, and the position of the message among those of the request.
   */
  readonly clock: SharedArrayBuffer;
}
