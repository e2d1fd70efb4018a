import { LuaApi, type LuaStatus } from './lua-api.ts';
import { LuaJsonError, pushJson, readJson } from './lua-json.ts';
import { conversion, type LuaDone, type LuaFailed, type LuaFunctionFault } from './lua-protocol.ts';
import { sandboxSource } from './lua-sandbox.ts';

/** Runs a call of the function with this index, or a `conversion`, and shows its start and end on the clock that the node watches. */
export type Timed = <T>(index: number, work: () => T) => T;

/** Bytes of an error's text that are logged: it may quote the whole message, and with it what a client sent. */
const errorTextBytesMax = 300;

/** A chain of functions in a sandboxed state of its own. */
export class LuaState {
  readonly #lua: LuaApi;
  readonly #timed: Timed;
  readonly #arrayMark: number;
  readonly #pushMessage: number;
  readonly #readResult: number;
  readonly #newEnvironment: number;
  #functions: number[] = [];
  /** The texts on their way into Lua and out of it: conversions run inside protected calls, which pass no JavaScript values. */
  #message = '';
  #result = '';

  static async create(memoryMaxBytes: number, timed: Timed): Promise<LuaState> {
    return new LuaState(await LuaApi.create(memoryMaxBytes), timed);
  }

  private constructor(lua: LuaApi, timed: Timed) {
    this.#lua = lua;
    this.#timed = timed;
    lua.clear();
    lua.pushTable();
    this.#arrayMark = lua.keep();
    const create = (work: () => number): number => lua.createFunction(work, isConversionError);
    this.#pushMessage = create(() => {
      pushJson(lua, this.#message, this.#arrayMark);
      return 1;
    });
    this.#readResult = create(() => {
      this.#result = readJson(lua, this.#arrayMark);
      return 0;
    });
    this.#newEnvironment = this.#openSandbox(create);
  }

  close(): void {
    this.#lua.close();
  }

  /** Compiles the chunks and runs each once for the function that it returns. Returns the faults of all of them. */
  compile(chunks: readonly string[]): LuaFunctionFault[] {
    const faults: LuaFunctionFault[] = [];
    for (const [index, chunk] of chunks.entries()) {
      const message = this.#compileOne(chunk, index);
      if (message !== undefined) faults.push({ index, ...splitLine(message) });
      this.#lua.clear();
    }
    return faults;
  }

  /** Folds the functions over a message. */
  run(message: string): LuaDone | LuaFailed {
    try {
      return this.#run(message);
    } finally {
      this.#lua.clear();
    }
  }

  #run(message: string): LuaDone | LuaFailed {
    const lua = this.#lua;
    this.#message = message;
    lua.pushFunction(this.#pushMessage);
    const pushed = this.#timed(conversion, () => lua.call(0, 1));
    this.#message = '';
    if (pushed !== 'ok') return this.#failed(0, pushed);
    for (const [index, kept] of this.#functions.entries()) {
      lua.pushKept(kept);
      lua.swap();
      const status = this.#timed(index, () => lua.call(1, 1));
      if (status !== 'ok') return this.#failed(index, status);
    }
    const type = lua.typeOf(-1);
    if (type === 'string') return { kind: 'done', result: lua.bytes(-1) };
    if (type === 'nil') return { kind: 'done', result: null };
    const index = this.#functions.length;
    if (type !== 'table') {
      return { kind: 'failed', index, message: `expected a table or a string, but got ${type}`, outOfMemory: false };
    }
    lua.pushFunction(this.#readResult);
    lua.swap();
    const status = this.#timed(conversion, () => lua.call(1, 0));
    const result = this.#result;
    this.#result = '';
    return status === 'ok' ? { kind: 'done', result } : this.#failed(index, status);
  }

  /** Returns the fault's text, or undefined when the function is kept. */
  #compileOne(chunk: string, index: number): string | undefined {
    const lua = this.#lua;
    if (lua.load(chunk, `function ${index + 1}`) !== 'ok') return this.#errorText();
    lua.pushKept(this.#newEnvironment);
    if (lua.call(0, 1) !== 'ok') return this.#errorText();
    lua.setEnvironment(-2);
    if (this.#timed(index, () => lua.call(0, 1)) !== 'ok') return this.#errorText();
    const type = lua.typeOf(-1);
    if (type !== 'function') return `expected 'return function(message) … end', but the chunk returns ${type}`;
    this.#functions.push(lua.keep());
    return undefined;
  }

  #failed(index: number, status: Exclude<LuaStatus, 'ok'>): LuaFailed {
    return { kind: 'failed', index, message: this.#errorText(), outOfMemory: status === 'memory' };
  }

  /** Returns the text of the error on top of the stack. */
  #errorText(): string {
    const type = this.#lua.typeOf(-1);
    return type === 'string' ? this.#lua.lossyText(-1, errorTextBytesMax) : `the error is a ${type}`;
  }

  /** Returns the kept function that makes environments. */
  #openSandbox(create: (work: () => number) => number): number {
    const lua = this.#lua;
    const decode = create(() => {
      const text = lua.typeOf(1) === 'string' ? lua.text(1) : undefined;
      if (text === undefined) throw new LuaJsonError('decode expects a string of UTF-8');
      lua.clear();
      pushJson(lua, text, this.#arrayMark);
      return 1;
    });
    const encode = create(() => {
      if (!lua.isTop(1)) throw new LuaJsonError('encode expects one value');
      lua.pushString(readJson(lua, this.#arrayMark));
      return 1;
    });
    const loaded = lua.load(sandboxSource, 'sandbox');
    lua.pushFunction(decode);
    lua.pushFunction(encode);
    lua.pushNull();
    lua.pushKept(this.#arrayMark);
    if (loaded !== 'ok' || lua.call(4, 1) !== 'ok') throw new Error(this.#errorText());
    return lua.keep();
  }
}

function isConversionError(error: unknown): error is Error {
  return error instanceof LuaJsonError;
}

/** Splits `function 1:3: unexpected symbol` into line and message. */
function splitLine(text: string): { line: number | null; message: string } {
  const match = /^function \d+:(\d+): ([^]*)$/.exec(text);
  return match === null ? { line: null, message: text } : { line: Number(match[1]), message: match[2] ?? '' };
}
