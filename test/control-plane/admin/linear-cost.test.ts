import { expect } from 'chai';
import { bodyBytesMax } from '../../../control-plane/admin/body.ts';
import { expectLinearCost } from '../../helpers/linear-cost.ts';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

interface Sent {
  readonly path: string;
  readonly type: string;
  readonly body: (size: number) => string;
  readonly status: number;
}

const list = (size: number, make: (index: number) => string): string =>
  Array.from({ length: size }, (_one, n) => make(n)).join(',');
const fields = (size: number, make: (index: number) => string): string =>
  Array.from({ length: size }, (_one, n) => make(n)).join('&');
const [services, plugins] = ['/schemas/services/validate', '/schemas/plugins/validate'];
const [json, form] = ['application/json', 'application/x-www-form-urlencoded'];
const part = (name: string, text: string): string =>
  `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;

const bodies: Readonly<Record<string, Sent>> = {
  'JSON with a long list': {
    path: services,
    type: json,
    body: (size) => `{"host":"h","tags":[${list(size, (n) => `"t${n}"`)}]}`,
    status: 200,
  },
  'JSON with a fault in every element': {
    path: services,
    type: json,
    body: (size) => `{"host":"h","tags":[${list(size, (n) => `"a,${n}"`)}]}`,
    status: 400,
  },
  'JSON with unknown fields': {
    path: services,
    type: json,
    body: (size) => `{${list(size, (n) => `"f${n}":1`)}}`,
    status: 400,
  },
  'JSON with one long text': {
    path: plugins,
    type: json,
    body: (size) => `{"name":"sample","config":{"topic":"${'ü'.repeat(size * 16)}"}}`,
    status: 200,
  },
  'a form with a long list': {
    path: services,
    type: form,
    body: (size) => `host=h&${fields(size, (n) => `tags[]=t${n}`)}`,
    status: 200,
  },
  'a form with a map of many names': {
    path: plugins,
    type: form,
    body: (size) => `name=sample&config.topic=t&${fields(size, (n) => `config.names.n${n}=v`)}`,
    status: 200,
  },
  'a multipart form with a long part': {
    path: plugins,
    type: 'multipart/form-data; boundary=X',
    body: (size) => `${part('name', 'sample')}${part('config.topic', '\r\n--Y'.repeat(size * 4))}--X--\r\n`,
    status: 200,
  },
};

describe('the cost of a request to the Admin API grows linearly', function () {
  this.timeout(120_000);
  let admin: AdminFixture;
  before(async () => {
    admin = await startAdmin();
  });
  after(() => admin.close());

  for (const [what, { path, type, body, status }] of Object.entries(bodies)) {
    it(`with ${what}`, () => {
      const sizeMin = 512;
      return expectLinearCost({
        sizeMin,
        // Larger bodies are refused.
        sizeMax: (sizeMin * bodyBytesMax) / body(sizeMin).length / 2,
        make: body,
        run: async (text) => {
          const answer = await admin.call('POST', path, text, { 'content-type': type });
          expect(answer.status, answer.text.slice(0, 300)).to.equal(status);
          return answer;
        },
      });
    });
  }

  it('with a long query', () => {
    const requests = 60;
    return expectLinearCost({
      sizeMin: 200,
      // Longer headers are refused.
      sizeMax: 1_600,
      make: (size) => `/services?${fields(size, (n) => `n${n}=%41`)}`,
      run: async (path) => {
        for (let sent = 0; sent < requests; sent++) expect((await admin.call('GET', path)).status).to.equal(200);
      },
    });
  });
});
