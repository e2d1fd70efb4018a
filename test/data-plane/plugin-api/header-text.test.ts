import { expect } from 'chai';
import { HeaderList } from '../../../data-plane/plugin-api/header-list.ts';
import { headerText, singleArg, singleHeader } from '../../../data-plane/plugin-api/header-text.ts';
import { RequestError } from '../../../shared/errors.ts';

describe('the text of headers', () => {
  for (const [what, value, text] of [
    ['ASCII', 'abc ~', 'abc ~'],
    ['UTF-8', Buffer.from('größe').toString('latin1'), 'größe'],
    ['bytes that are no UTF-8', '\xe4', '\xe4'],
    ['nothing', '', ''],
  ] as const) {
    it(`is read from ${what}`, () => {
      expect(headerText(value)).to.equal(text);
    });
  }

  it('is that of the one header, undefined without it', () => {
    const headers = new HeaderList(['X-Key', Buffer.from('ü').toString('latin1')]);
    expect(singleHeader(headers, 'x-key', 'KEY_INVALID', 'key')).to.equal('ü');
    expect(singleHeader(headers, 'x-other', 'KEY_INVALID', 'key')).to.equal(undefined);
  });

  it('is refused when the header is repeated', () => {
    const headers = new HeaderList(['X-Key', 'a', 'x-key', 'a']);
    expect(() => singleHeader(headers, 'x-key', 'KEY_INVALID', 'key'))
      .to.throw(RequestError, "The header 'x-key' of the key is given more than once.")
      .with.property('code', 'KEY_INVALID');
  });

  it('of a query parameter is its one value', () => {
    expect(singleArg('a', 'topic', 'TOPIC_INVALID', 'topic')).to.equal('a');
    expect(singleArg(undefined, 'topic', 'TOPIC_INVALID', 'topic')).to.equal(undefined);
    expect(() => singleArg(true, 'topic', 'TOPIC_INVALID', 'topic')).to.throw(RequestError, 'has no value');
    expect(() => singleArg(['a', 'b'], 'topic', 'TOPIC_INVALID', 'topic')).to.throw(RequestError, 'more than once');
  });
});
