import type { Candidate, CompiledRoute } from './compile-route.ts';
import { headersMatch } from './headers.ts';
import type { HostPattern } from './host.ts';
import { capturesOf, matchedLengthOf, noCaptures, pathMatches } from './path.ts';
import { PathTrie } from './path-trie.ts';
import type { Captures, RoutableRequest, RouteMatch } from './route.ts';

/**
 * Kong's `traditional_compatible` matching over an index: first the host (exact, then by labels for wildcards), then a
 * prefix tree of paths. What a request costs depends on its own host and path, not on the number of routes. Routes are
 * added one by one, so that a large configuration can be built in slices; afterwards the router is only read.
 */
export class Router<T> {
  readonly #anyHost = new PathTrie<T>();
  readonly #plain = new HostIndex<T>();
  readonly #suffixes = new HostIndex<T>();
  readonly #prefixes = new HostIndex<T>();

  add({ hosts, candidates }: CompiledRoute<T>): void {
    const tries = this.#triesOf(hosts);
    for (const candidate of candidates) {
      for (const trie of tries) trie.add(candidate);
    }
  }

  /** The matching route of the highest priority. */
  match(request: RoutableRequest): RouteMatch<T> | undefined {
    const accepts = (candidate: Candidate<T>) => candidateMatches(candidate, request);
    const { host, port, path } = request;
    let best = this.#anyHost.search(path, undefined, accepts);
    best = this.#plain.search(host, port, path, best, accepts);
    const fitsWildcards = host.length <= wildcardHostCharsMax;
    if (fitsWildcards && !this.#suffixes.isEmpty) {
      for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
        best = this.#suffixes.search(host.slice(dot), port, path, best, accepts);
      }
    }
    if (fitsWildcards && !this.#prefixes.isEmpty) {
      for (let dot = host.indexOf('.'); dot !== -1 && dot < host.length - 1; dot = host.indexOf('.', dot + 1)) {
        best = this.#prefixes.search(host.slice(0, dot + 1), port, path, best, accepts);
      }
    }
    return best === undefined ? undefined : new Match(best, path);
  }

  #triesOf(hosts: readonly HostPattern[]): ReadonlySet<PathTrie<T>> {
    if (hosts.length === 0) return new Set([this.#anyHost]);
    const indexes = { plain: this.#plain, suffix: this.#suffixes, prefix: this.#prefixes };
    return new Set(hosts.map((pattern) => indexes[pattern.kind].trieOf(pattern)));
  }
}

/** Captures cost several times what the match does and few plugins want them: they wait until they are asked for. */
class Match<T> implements RouteMatch<T> {
  readonly #candidate: Candidate<T>;
  readonly #path: string;

  constructor(candidate: Candidate<T>, path: string) {
    this.#candidate = candidate;
    this.#path = path;
  }

  get value(): T {
    return this.#candidate.value;
  }

  get hasCaptures(): boolean {
    const { path } = this.#candidate;
    return path !== null && path.kind === 'regex' && path.hasGroups;
  }

  captures(): Captures {
    const { path } = this.#candidate;
    return path === null ? noCaptures : capturesOf(path, this.#path);
  }

  matchedLength(): number {
    const { path } = this.#candidate;
    return path === null ? 0 : matchedLengthOf(path, this.#path);
  }
}

/** The longest name of the DNS. What is longer is no host, and looking at each of its dots would take long. */
const wildcardHostCharsMax = 253;

/** Path trees by host text, apart for hosts that also name a port. */
class HostIndex<T> {
  readonly #anyPort = new Map<string, PathTrie<T>>();
  readonly #withPort = new Map<string, PathTrie<T>>();

  get isEmpty(): boolean {
    return this.#anyPort.size === 0 && this.#withPort.size === 0;
  }

  trieOf({ text, port }: HostPattern): PathTrie<T> {
    const tries = port === null ? this.#anyPort : this.#withPort;
    const key = port === null ? text : `${text}:${port}`;
    let trie = tries.get(key);
    if (trie === undefined) tries.set(key, (trie = new PathTrie()));
    return trie;
  }

  search(
    text: string,
    port: number,
    path: string,
    best: Candidate<T> | undefined,
    accepts: (candidate: Candidate<T>) => boolean,
  ): Candidate<T> | undefined {
    const found = this.#anyPort.get(text)?.search(path, best, accepts) ?? best;
    if (this.#withPort.size === 0) return found;
    return this.#withPort.get(`${text}:${port}`)?.search(path, found, accepts) ?? found;
  }
}

/** Host and path prefix match already: the index found the candidate by them. The dear checks come last. */
function candidateMatches<T>(candidate: Candidate<T>, request: RoutableRequest): boolean {
  const { methods, matchesSni, headers, path } = candidate;
  if (methods !== null && !methods.has(request.method)) return false;
  // Names of the handshake count only where there was one, so that a cleartext request reaches its https-only route's
  // redirect.
  if (matchesSni !== null && request.sni !== undefined && !matchesSni(request.sni)) return false;
  if (headers !== null && !headersMatch(headers, request.headers)) return false;
  return path === null || pathMatches(path, request.path);
}
