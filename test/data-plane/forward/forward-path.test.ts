import { expect } from 'chai';
import { assert, property, stringMatching } from 'fast-check';
import { forwardPath } from '../../../data-plane/forward/forward-path.ts';

/** Service path, request path, matched prefix, result with strip_path false, result with strip_path true. */
const rows: readonly (readonly [string | null, string, string, string, string])[] = [
  ['/s', '/fv0/req', '/fv0', '/s/fv0/req', '/s/req'],
  ['/s', '/fv0', '/fv0', '/s/fv0', '/s'],
  ['/s', '/fv0req', '/fv0', '/s/fv0req', '/s/req'],
  ['/s', '/fv0/', '/fv0', '/s/fv0/', '/s/'],
  ['/s', '/fv0/req', '/fv0/', '/s/fv0/req', '/s/req'],
  ['/s/', '/fv0/req', '/fv0', '/s/fv0/req', '/s/req'],
  ['/s/', '/fv0', '/fv0', '/s/fv0', '/s/'],
  ['/', '/fv0/req', '/fv0', '/fv0/req', '/req'],
  ['/', '/fv0', '/fv0', '/fv0', '/'],
  [null, '/fv0/req', '/fv0', '/fv0/req', '/req'],
  [null, '/fv0', '/fv0', '/fv0', '/'],
  [null, '/', '/', '/', '/'],
];

describe('forwardPath', () => {
  for (const [service, request, matched, kept, stripped] of rows) {
    it(`service ${service ?? 'without a path'}, route ${matched}, request ${request}`, () => {
      expect(forwardPath(service, request, 0)).to.equal(kept);
      expect(forwardPath(service, request, matched.length)).to.equal(stripped);
    });
  }

  it('begins with a slash and has no double slash that the parts did not have', () => {
    const segment = stringMatching(/^\/([a-z]{1,3}\/?){0,3}$/);
    assert(
      property(segment, segment, (service, request) => {
        const path = forwardPath(service, request, 0);
        expect(path.startsWith('/')).to.equal(true);
        expect(path).to.not.include('//');
      }),
    );
  });
});
