/** Stands on the clock while a message becomes a Lua value, or a Lua value becomes JSON. */
export const conversion = -1;

/** A request of the node to a Lua thread, one at a time. Chains are named by numbers that the node chooses. */
export type LuaRequest =
  | { readonly kind: 'compile'; readonly chain: number; readonly functions: readonly string[] }
  /** The message is JSON text. */
  | { readonly kind: 'run'; readonly chain: number; readonly message: string }
  | { readonly kind: 'drop'; readonly chain: number };

export type LuaReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'compiled'; readonly faults: readonly LuaFunctionFault[] }
  /** JSON text of a table, or the bytes of a string. */
  | { readonly kind: 'done'; readonly result: string | Uint8Array }
  | LuaFailed;

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
   * Two 64-bit integers: when the present work began (monotonic ns; 0 for none), and the index of the function that is
   * called, or `conversion`.
   */
  readonly clock: SharedArrayBuffer;
}
