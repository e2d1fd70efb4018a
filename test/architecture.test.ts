import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The rooms of data-plane/ and the rooms that each may import, type imports included. The files beside them may import all. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  proxy: ['runtime', 'router', 'forward', 'plugin-api', 'status', 'tracing'],
  forward: ['upstreams', 'plugin-api'],
  source: [],
  workers: ['source', 'kafka', 'plugin-api'],
  runtime: ['router', 'forward', 'upstreams', 'plugin-api', 'status'],
  plugins: ['plugin-api', 'schemas', 'kafka', 'lua', 'http-client'],
  'plugin-api': ['kafka', 'lua', 'schemas', 'tracing', 'http-client'],
  status: ['kafka', 'plugin-api'],
  router: [],
  schemas: ['http-client'],
  kafka: ['http-client'],
  'http-client': [],
  lua: [],
  tracing: ['http-client'],
  trial: ['runtime', 'router', 'plugin-api', 'schemas', 'kafka'],
  upstreams: [],
};

/** Folders of data-plane/plugins/ that more than one plugin shares. */
const sharedByPlugins = ['kafka-settings', 'webhook-schemes', 'transforms'];

/** Paths of source files (`data-plane/main.ts`) to the source files that they import, type imports included. */
function importGraph(): Map<string, string[]> {
  const sources = ['control-plane', 'data-plane', 'shared'].flatMap(sourcesBelow);
  const known = new Set(sources);
  return new Map(sources.map((path) => [path, importsOf(path).filter((target) => known.has(target))]));
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('/generated/'));
}

function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, specifier = '']) => specifier);
  return [...new Set(specifiers.map((specifier) => normalize(join(dirname(path), specifier))))];
}

/** The strongly connected components of more than one node, by Tarjan's algorithm. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.size - 1);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(node) !== order.get(node)) return;
    const component = stack.splice(stack.indexOf(node));
    if (component.length > 1) found.push(component.toSorted());
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

/** `data-plane/kafka/wire/x.ts` is of the room `kafka`, `data-plane/main.ts` of none. */
function roomOf(path: string): string | undefined {
  const [plane, room, ...rest] = path.split('/');
  return plane === 'data-plane' && rest.length > 0 ? room : undefined;
}

/** main.ts of data-plane/ and the files beside it put the rooms together. */
function isAboveRooms(path: string): boolean {
  return /^data-plane\/[^/]+$/.test(path);
}

/** The folders from a file's own up to its plane's, nearest first. */
function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [folder, ...foldersOf(folder)];
}

function designOf(folder: string): string {
  const path = join(root, folder, 'DESIGN.md');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Returns the words in backticks in the part of a folder's DESIGN.md that says where files are tested. */
function wordsOnTests(folder: string): string[] {
  const text = designOf(folder);
  const start = text.search(/^(?:## .*test|Tests)/im);
  return start < 0 ? [] : [...text.slice(start).matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word);
}

/** Says whether a DESIGN.md names the file where it tells of tests: by name, by path from there, or with all its folder. */
function isNamedByDesign(path: string): boolean {
  return foldersOf(path).some((folder) => {
    const from = relative(folder, path).replace(/\.ts$/, '');
    const named = [from, basename(from), ...foldersOf(from).flatMap((inner) => [`${inner}/`, `${inner}/*`])];
    return wordsOnTests(folder).some((word) => named.includes(word.replace(/\.ts$/, '')));
  });
}

/** A name of something that a client has to know, and the ways in which a comparison tells how much of it was right. */
const secretName = String.raw`[\w.?()]*(?:secret|password|signature|digest|\bmac|hmac)[\w.?()]*`;
const literal = String.raw`(?:null|undefined|''|0|true|false|'[a-z-]+')`;
const hastyForms = [
  new RegExp(String.raw`(?:${secretName})\s*[!=]==?(?!=)\s*(?!\s|${literal}(?![\w.]))`, 'i'),
  new RegExp(String.raw`(?<!typeof )(?<!\w)(?!${literal}\s)[\w.?()]+\s*[!=]==?\s*(?:${secretName})`, 'i'),
  new RegExp(
    String.raw`(?:${secretName})\.(?:equals|compare|localeCompare)\(|\.(?:equals|compare|localeCompare)\([^)]*(?:${secretName})`,
    'i',
  ),
  /timingSafeEqual\(|Buffer\.compare\(/,
];

/** Returns the lines that compare a secret in another way than by `isSameSecret`. */
function hasty(text: string): string[] {
  const lines = text.split('\n').filter((line) => !/^\s*(?:\/\/|\*|\/\*)/.test(line));
  return lines.filter((line) => hastyForms.some((form) => form.test(line))).map((line) => line.trim());
}

describe('the structure of the sources', () => {
  const graph = importGraph();

  it('compares secrets of clients by isSameSecret alone', () => {
    const guards = [...graph.keys()].filter((path) => /^data-plane\/(?:plugin-api|plugins|runtime)\//.test(path));
    const found = guards.flatMap((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      const others = path === 'data-plane/plugin-api/constant-time.ts' ? [] : hasty(text);
      return others.map((line) => `${path}: ${line}`);
    });
    expect(found).to.deep.equal([]);
    // The rule itself: what it finds, and what it leaves alone.
    for (const line of [
      'if (given.secret === secret) return;',
      'if (a !== credential.password) return;',
      'return signature.equals(expected);',
      'return expected.equals(digest);',
      'return timingSafeEqual(a, b);',
      'if (Buffer.compare(a, mac) === 0) return;',
      'if (token.signature === `v1=${mac}`) return;',
    ]) {
      expect(hasty(line), line).to.have.length(1);
    }
    for (const line of [
      "if (signature === '') return;",
      'if (secret === null) return;',
      'if (password !== undefined) f();',
    ]) {
      expect(hasty(line), line).to.deep.equal([]);
    }
  });

  it('has no room in data-plane/ that is not in the table of arrows', () => {
    const found = new Set([...graph.keys()].map(roomOf).filter((room) => room !== undefined));
    expect([...found].toSorted()).to.deep.equal(Object.keys(rooms).toSorted());
  });

  it('lets imports of data-plane/ go down only', () => {
    const upward: string[] = [];
    for (const [path, targets] of graph) {
      const room = roomOf(path);
      if (room === undefined) continue;
      for (const target of targets) {
        const other = roomOf(target);
        if (isAboveRooms(target)) upward.push(`${path} -> ${target}`);
        if (other !== undefined && other !== room && !rooms[room]?.includes(other)) upward.push(`${path} -> ${target}`);
      }
    }
    expect(upward).to.deep.equal([]);
  });

  it('has no ring of folders in the table itself', () => {
    expect(cyclesOf(new Map(Object.entries(rooms)))).to.deep.equal([]);
  });

  it('has no plugin that imports another', () => {
    const pluginOf = (path: string) => /^data-plane\/plugins\/([^/]+)\//.exec(path)?.[1];
    const sideways: string[] = [];
    for (const [path, targets] of graph) {
      const plugin = pluginOf(path);
      if (plugin === undefined) continue;
      for (const target of targets) {
        const other = pluginOf(target);
        if (other !== undefined && other !== plugin && !sharedByPlugins.includes(other)) {
          sideways.push(`${path} -> ${target}`);
        }
      }
    }
    expect(sideways).to.deep.equal([]);
  });

  it('has no cycle of files, type imports included', () => {
    expect(cyclesOf(graph)).to.deep.equal([]);
  });

  it('has a test at the mirrored path of each source, or a DESIGN.md that says where it is tested', () => {
    const untold = [...graph.keys()].filter((path) => {
      const mirrored = join(root, 'test', path.replace(/\.ts$/, '.test.ts'));
      return !existsSync(mirrored) && !isNamedByDesign(path);
    });
    expect(untold).to.deep.equal([]);
  });

  it('names only tests in a DESIGN.md that are there', () => {
    const folders = new Set([...graph.keys()].flatMap(foldersOf));
    const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
    const missing = [...folders].flatMap((folder) => {
      const words = wordsOnTests(folder).filter((word) => word.endsWith('.test.ts'));
      return words
        .filter((word) => !tests.some((test) => `/test/${test}`.endsWith(`/${word}`)))
        .map((word) => `${folder}/DESIGN.md: ${word}`);
    });
    expect(missing).to.deep.equal([]);
  });

  it('has a DESIGN.md in each folder of more than ten files, or in the folder above', () => {
    const counts = new Map<string, number>();
    for (const path of graph.keys()) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    const undescribed = [...counts].filter(
      ([folder, count]) => count > 10 && designOf(folder) === '' && designOf(dirname(folder)) === '',
    );
    expect(undescribed).to.deep.equal([]);
  });
});
