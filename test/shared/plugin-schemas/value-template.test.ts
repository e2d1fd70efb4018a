import { expect } from 'chai';
import { parseTemplate } from '../../../shared/plugin-schemas/value-template.ts';

const text = (value: string) => ({ kind: 'text', text: value });
const value = (source: string, name: string) => ({ kind: 'value', source, name });

describe('parseTemplate', () => {
  const rows: readonly [source: string, template: unknown][] = [
    ['', []],
    ['plain: text', [[text('plain: text')]]],
    ['$(headers.host)', [[value('headers', 'host')]]],
    ['a $(headers["X-Id"]) b', [[text('a ')], [value('headers', 'X-Id')], [text(' b')]]],
    ["$(query_params['p q'])", [[value('query_params', 'p q')]]],
    ['$(uri_captures[1])$(uri_captures.id)', [[value('uri_captures', '1')], [value('uri_captures', 'id')]]],
    ['$( headers.a or query_params.b or "c" )', [[value('headers', 'a'), value('query_params', 'b'), text('c')]]],
    ["$('it')", [[text('it')]]],
    ['$ (headers.a) $', [[text('$ (headers.a) $')]]],
  ];
  for (const [source, template] of rows) {
    it(`reads ${JSON.stringify(source)}`, () => {
      expect(parseTemplate(source)).to.deep.equal({ kind: 'template', template });
    });
  }

  const refused = [
    '$(headers.a',
    '$()',
    '$(headers)',
    '$(headers.a:upper())',
    '$(headers.x-y)',
    '$(shared.x)',
    '$(os.exit())',
    '$((function() return 1 end)())',
    '$(headers.a and headers.b)',
    '$(headers["a)',
    '$(headers.a or)',
    '$(headers.a orheaders.b)',
  ];
  for (const source of refused) {
    it(`refuses ${source}`, () => {
      expect(parseTemplate(source)).to.have.property('kind', 'fault');
    });
  }

  it('takes time by the length of the text', () => {
    const startMs = performance.now();
    for (const source of ['$('.repeat(50_000), `$(headers.a${' '.repeat(100_000)}`, '$("a")'.repeat(20_000)])
      parseTemplate(source);
    expect(performance.now() - startMs).to.be.below(1000);
  });
});
