import { readBodyJson } from '../../../../data-plane/plugins/kafka-upstream/body-json.ts';
import { compileRecordHeaders } from '../../../../data-plane/plugins/kafka-upstream/record-headers.ts';
import { compileContent } from '../../../../data-plane/plugins/kafka-upstream/record-value.ts';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import { withoutMember } from '../../../../data-plane/plugin-api/json-member.ts';
import { expectLinearCost } from '../../../helpers/linear-cost.ts';
import { buildConfig } from './build-config.ts';

interface Body {
  readonly type: string;
  readonly text: (size: number) => string;
  readonly config?: Readonly<Record<string, unknown>>;
}

const members = (size: number): string =>
  `{${Array.from({ length: size }, (_one, n) => `"n${n}":[{"a":"\\"${n}"}]`).join(',')},"last":1.50}`;
const multipart = 'multipart/form-data; boundary=X';
const part = (name: string, value: string): string =>
  `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

const bodies: Readonly<Record<string, Body>> = {
  'a JSON object': { type: 'application/json', text: members },
  'a JSON body of which the last member is the value': {
    type: 'application/json',
    text: members,
    config: { record_value: 'body', value_from: { body_pointer: '/last' } },
  },
  'a form with a long field': {
    type: 'application/x-www-form-urlencoded',
    text: (size) => `a=${'%C3%BC+x'.repeat(size)}`,
  },
  'a form whose last fields are at the bound': {
    type: 'application/x-www-form-urlencoded',
    text: (size) =>
      Array.from({ length: 1_000 }, (_one, n) => `f${n % 2 === 0 ? n : 0}=${'%41'.repeat(size)}`).join('&'),
  },
  'a multipart body with a long part': { type: multipart, text: (size) => `${part('a', 'ü'.repeat(size))}--X--\r\n` },
  'a multipart part that looks like boundaries': {
    type: multipart,
    text: (size) => `${part('a', '\r\n--Y\r\n-'.repeat(size))}--X--\r\n`,
  },
  'a text': { type: 'text/plain', text: (size) => '"ü\n'.repeat(size) },
  'bytes of another type': { type: 'image/png', text: (size) => 'x'.repeat(size) },
};

describe('the cost of a record grows linearly', function () {
  this.timeout(120_000);

  for (const [what, { type, text, config = {} }] of Object.entries(bodies)) {
    it(`with ${what}`, () => {
      const content = compileContent(buildConfig(config), true, null);
      const headers = new HeaderList(['content-type', type]);
      return expectLinearCost({
        sizeMin: 64,
        make: (size) => Buffer.from(text(size)),
        run: async (body) => {
          const json = 'value_from' in config ? await readBodyJson(headers, body) : null;
          return content({ method: 'POST', target: '/', query: '', headers }, body, 0, json);
        },
      });
    });
  }

  for (const repeated of ['retain_duplicates', 'take_first', 'concatenate_by_comma'] as const) {
    it(`with headers that repeat (${repeated})`, () => {
      const { headers } = buildConfig({
        headers: { forward_all_by_default: true, repeated_headers_behavior: repeated, prefix_mappings: { 'x-': 'y-' } },
      });
      const headersOf = compileRecordHeaders(headers);
      return expectLinearCost({
        sizeMin: 256,
        make: (size) => new HeaderList(Array.from({ length: size * 2 }, (_one, n) => (n % 2 ? 'v' : `x-${n % 3}`))),
        run: (list) => headersOf(list),
      });
    });
  }

  it('with a member that is taken out of the body', () =>
    expectLinearCost({ sizeMin: 64, make: members, run: (text) => withoutMember(text, 'last') }));
});
