import { expect } from 'chai';
import { isSupportedNode } from '../../../control-plane/cli/node-version.ts';

describe('the version of Node.js', () => {
  for (const version of ['20.19.4', '20.19.10', '20.20.0', '22.0.0', '100.0.0']) {
    it(`${version} will do`, () => expect(isSupportedNode(version)).to.equal(true));
  }
  for (const version of ['20.19.3', '20.9.9', '18.99.99', '4.0.0']) {
    it(`${version} is too old`, () => expect(isSupportedNode(version)).to.equal(false));
  }
});
