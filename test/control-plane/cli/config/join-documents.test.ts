import { expect } from 'chai';
import { joinDocuments, selected, withSelected } from '../../../../control-plane/cli/config/join-documents.ts';

const files = (...texts: readonly string[]) =>
  texts.map((text, index) => ({ name: `f${index}`, bytes: new Uint8Array(Buffer.from(text)) }));

describe('documents of several files', () => {
  it('are joined list by list', () => {
    expect(
      joinDocuments(
        files('_format_version: "3.0"\nroutes: [{name: a}]', 'routes: [{name: b}]\nservices: [{name: s}]', 'routes:'),
      ),
    ).to.deep.equal({
      kind: 'document',
      document: { _format_version: '3.0', routes: [{ name: 'a' }, { name: 'b' }], services: [{ name: 's' }] },
    });
  });

  it('name the file of a fault', () => {
    const joined = joinDocuments(files('a: 1', 'a: b: c'));
    expect(joined.kind === 'faults' && joined.lines[0]).to.match(/^f1: /);
  });

  it('replace only what has all of the tags, and tag what they hold', () => {
    const present = {
      routes: [{ name: 'kept' }, { name: 'half', tags: ['a'] }, { name: 'gone', tags: ['a', 'b', 'c'] }],
      services: [{ name: 'gone', tags: ['a', 'b'] }],
    };
    const document = {
      _format_version: '3.0',
      services: [{ name: 's', tags: ['own'], routes: [{ name: 'nested' }] }],
      certificates: [{ cert: 'c', snis: ['x.example.com'] }],
    };
    const tags = ['a', 'b'];
    expect(withSelected(present, document, tags)).to.deep.equal({
      _format_version: '3.0',
      routes: [{ name: 'kept' }, { name: 'half', tags: ['a'] }],
      services: [{ name: 's', tags: ['own', 'a', 'b'], routes: [{ name: 'nested', tags }] }],
      certificates: [{ cert: 'c', tags, snis: [{ name: 'x.example.com', tags }] }],
    });
    expect(selected(present, tags)).to.deep.equal({ routes: [present.routes[2]], services: present.services });
  });
});
