import { expect } from 'chai';
import * as fc from 'fast-check';
import { splitPort } from '../../../data-plane/router/host.ts';
import { normalizePath } from '../../../shared/path.ts';

describe('normalizePath', function () {
  this.timeout(20_000);
  const cases: readonly [path: string, normal: string][] = [
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/', '/a/'],
    ['/%41%7a%30%2D%2e%5F%7E', '/Az0-._~'],
    ['/%2f%3a%c3%bc', '/%2F%3A%C3%BC'],
    ['/%3F%23', '/%3F%23'],
    ['/%2541', '/%2541'],
    ['/%', '/%25'],
    ['/%4', '/%254'],
    ['/%zz', '/%25zz'],
    ['/%a%41', '/%25aA'],
    ['//a///b//', '/a/b/'],
    ['/./a/./b/.', '/a/b/'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/..', '/'],
    ['/..', '/'],
    ['/../../a', '/a'],
    ['/a/%2e%2E/b', '/b'],
    ['/a//../b', '/b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/...', '/a/...'],
    ['/a..b/.c', '/a..b/.c'],
    ['/\u00fc', '/%FC'],
    ['/a b', '/a%20b'],
    ['*', '*'],
  ];
  for (const [path, normal] of cases) {
    it(`${path} → ${normal}`, () => expect(normalizePath(path)).to.equal(normal));
  }

  it('is idempotent, and leaves neither dot segments nor empty ones', () => {
    const part = fc.constantFrom('/', '.', '..', '%2e', '%2F', '%41', 'a', '%', '\u00e9', ' ', '?', '%c3');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const normal = normalizePath(`/${parts.join('')}`);
        expect(normalizePath(normal)).to.equal(normal);
        expect(normal).to.match(/^\/[!-~]*$/);
        expect(normal).to.not.match(/\/\/|\/\.\.?(\/|$)/);
      }),
    );
  });
});

describe('splitPort', () => {
  const cases: readonly [host: string, name: string, port: number | null][] = [
    ['example.com', 'example.com', null],
    ['example.com:80', 'example.com', 80],
    ['example.com:', 'example.com', null],
    ['example.com:65536', 'example.com:65536', null],
    ['example.com:0x50', 'example.com:0x50', null],
    ['example.com:1e3', 'example.com:1e3', null],
    ['[::1]', '[::1]', null],
    ['[::1]:80', '[::1]', 80],
    ['', '', null],
  ];
  for (const [host, name, port] of cases) {
    it(`'${host}' → '${name}', ${port}`, () => expect(splitPort(host)).to.deep.equal({ name, port }));
  }
});
