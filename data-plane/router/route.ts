import { faultMessage } from '../../shared/schema/faults.ts';
import type { FieldFault } from '../../shared/schema/field.ts';

/** A route as stored, reduced to what routing needs. Absent and empty lists mean: the field is not used. */
export interface RouteDefinition {
  readonly id: string;
  readonly methods: readonly string[];
  /** Any case; `*.example.com`, `example.*`, each also with `:port`. */
  readonly hosts: readonly string[];
  /** Plain prefixes, or `~` and a regular expression. */
  readonly paths: readonly string[];
  /** Values by name; a single value starting with `~*` is a regular expression. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly snis: readonly string[];
  readonly regexPriority: number;
  /** Unix seconds. */
  readonly createdAt: number;
}

/** The facts of a request that routing looks at. An exchange is one. */
export interface RoutableRequest {
  /** Upper case. */
  readonly method: string;
  /** Lower case, without port. */
  readonly host: string;
  readonly port: number;
  /** Normalised, see path.ts. */
  readonly path: string;
  /** undefined: the connection is not TLS. '': the handshake named no server. */
  readonly sni: string | undefined;
  readonly headers: RoutableHeaders;
}

export interface RoutableHeaders {
  /** Every value of a header; `name` in lower case. */
  all(name: string): readonly string[];
}

export type Captures = Readonly<Record<string, string>>;

export interface RouteMatch<T> {
  readonly value: T;
  /** The path's regular expression has groups. */
  readonly hasCaptures: boolean;
  /** Named and numbered captures of the path's regular expression; empty for others. Found anew at each call. */
  captures(): Captures;
  /** Returns how many characters of the path the route's path matched; 0 when it has none. Found anew at each call. */
  matchedLength(): number;
}

/** A route that cannot be compiled, because regular expressions do not parse. Lists every fault, with paths relative to the route. */
export class RouteCompileError extends Error {
  readonly faults: readonly FieldFault[];

  constructor(faults: readonly FieldFault[]) {
    super(faultMessage(faults));
    this.name = 'RouteCompileError';
    this.faults = faults;
  }
}
