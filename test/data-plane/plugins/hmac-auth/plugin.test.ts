import { createHash, createHmac } from 'node:crypto';
import { expect } from 'chai';
import { signingString } from '../../../../data-plane/plugins/hmac-auth/signing-string.ts';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import { FakeExchange } from '../../proxy/fake-exchange.ts';
import {
  ada,
  checkedEntities,
  GuardFixture,
  guest,
  people,
  type Bodies,
  type Request,
  type Values,
} from '../guard-fixture.ts';

const secret = 'sécret';
const consumer = { id: ada.id };
const signers: Bodies = {
  ...people,
  hmacauth_credentials: [
    { username: 'ada-mac', secret, consumer },
    { username: 'cleared', secret: null, consumer },
  ],
};

async function guardWithSigners(config: Values = {}, ...beside: Values[]): Promise<GuardFixture> {
  const guard = new GuardFixture();
  await guard.apply({ ...signers, plugins: [{ name: 'hmac-auth', config }, ...beside] });
  return guard;
}

const today = () => new Date().toUTCString();

interface Signing {
  readonly username?: string;
  readonly algorithm?: string;
  readonly key?: string;
  /** Lines of the signing string; the header lists `names`. */
  readonly lines: readonly string[];
  readonly names: string;
  readonly scheme?: string;
}

/** The value of Authorization, as Kong's page says. */
function authorization(signing: Signing): string {
  const { username = 'ada-mac', algorithm = 'hmac-sha256', key = secret, lines, names, scheme = 'hmac' } = signing;
  const mac = createHmac(algorithm.slice(5), key).update(lines.join('\n'), 'latin1').digest('base64');
  return `${scheme} username="${username}", algorithm="${algorithm}", headers="${names}", signature="${mac}"`;
}

/** A request with a signed date. */
function dated(signing: Partial<Signing> = {}, more: Request = {}): Request {
  const date = today();
  const lines = [`date: ${date}`, ...(signing.lines ?? [])];
  const names = `date${signing.names === undefined ? '' : ` ${signing.names}`}`;
  const headers = ['Date', date, 'Authorization', authorization({ ...signing, lines, names }), ...(more.headers ?? [])];
  return { ...more, headers };
}

describe('the hmac-auth plugin', () => {
  for (const algorithm of ['hmac-sha1', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512']) {
    it(`takes signatures by ${algorithm}, and not where it is not allowed`, async () => {
      const seen = await (await guardWithSigners()).send(dated({ algorithm }));
      const told = ['x-consumer-username', 'x-credential-identifier', 'x-anonymous-consumer'];
      expect(told.map((name) => seen.passed?.headers.get(name))).to.deep.equal(['ada', 'ada-mac', undefined]);
      const others = ['hmac-sha1', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'].filter((one) => one !== algorithm);
      const refused = await (await guardWithSigners({ algorithms: others })).send(dated({ algorithm }));
      expect([refused.status, refused.message]).to.deep.equal([401, 'HMAC signature cannot be verified']);
    });
  }

  const signed: readonly [title: string, signing: Partial<Signing>, more: Request][] = [
    ['the request line', { names: 'request-line', lines: ['POST /a%20b?x=1 HTTP/1.1'] }, { target: '/a%20b?x=1' }],
    [
      'the request target',
      { names: '@request-target', lines: ['@request-target: put /o?x'] },
      { method: 'PUT', target: '/o?x' },
    ],
    ['a header', { names: 'X-One', lines: ['X-One: 1'] }, { headers: ['x-one', '1'] }],
    [
      'a header whose name is signed in lower case',
      { names: 'X-One', lines: ['x-one: 1'] },
      { headers: ['X-One', '1'] },
    ],
    ['a repeated header', { names: 'x-one', lines: ['x-one: 1, 2'] }, { headers: ['x-one', '1', 'X-One', '2'] }],
    ['an absent header', { names: 'x-one', lines: ['x-one:'] }, {}],
    ['bytes beyond ASCII', { names: 'x-one', lines: ['x-one: Ã¼'] }, { headers: ['x-one', 'Ã¼'] }],
    ['with the scheme in other case', { scheme: 'HMAC' }, {}],
  ];
  for (const [title, signing, more] of signed) {
    it(`takes a signature over ${title}`, async () => {
      const seen = await (await guardWithSigners()).send(dated(signing, more));
      expect([seen.status, seen.message]).to.deep.equal([200, undefined]);
    });
  }

  const cannot = 'HMAC signature cannot be verified';
  const mismatch = 'HMAC signature does not match';
  const noDate = `${cannot}, a valid date or x-date header is required for HMAC Authentication`;
  const date = today();
  const mac = authorization({ names: 'date', lines: [`date: ${date}`] });
  const at = (given: string, name = 'Date'): Request => {
    return { headers: [name, given, 'Authorization', authorization({ names: name, lines: [`${name}: ${given}`] })] };
  };
  const old = new Date(Date.now() - 302_000).toUTCString();
  const refusals: readonly [title: string, request: Request, message: string][] = [
    ['no signature', { headers: ['date', date] }, 'Unauthorized'],
    ['no date', { headers: ['authorization', mac] }, noDate],
    ['a date that is none', at('yesterday'), noDate],
    ['a year', at(String(new Date().getFullYear())), noDate],
    ['an ISO date', at(new Date().toISOString()), noDate],
    ['an old date', at(old), noDate],
    ['a date of the future', at(new Date(Date.now() + 86_400_000).toUTCString()), noDate],
    ['two dates', { headers: ['date', date, 'date', date, 'authorization', mac] }, noDate],
    ['an old X-Date beside a good Date', { headers: ['x-date', old, 'date', date, 'authorization', mac] }, noDate],
    ['another scheme', { headers: ['date', date, 'authorization', 'Basic YTpi'] }, cannot],
    ['an empty scheme', { headers: ['date', date, 'authorization', 'hmac'] }, cannot],
    ['no headers', { headers: ['date', date, 'authorization', mac.replace('headers="date", ', '')] }, cannot],
    ['an empty list of headers', { headers: ['date', date, 'authorization', mac.replace('"date"', '""')] }, cannot],
    ['a header that is named twice', dated({ names: 'Date', lines: [`Date: ${date}`] }), cannot],
    ['a repeated parameter', { headers: ['date', date, 'authorization', `${mac}, username="ada-mac"`] }, cannot],
    ['text behind the parameters', { headers: ['date', date, 'authorization', `${mac} x`] }, cannot],
    [
      'a signature that is no base64',
      { headers: ['date', date, 'authorization', mac.replace(/e="./, 'e="*')] },
      cannot,
    ],
    [
      'an unknown algorithm',
      { headers: ['date', date, 'authorization', mac.replace('hmac-sha256', 'hmac-md5')] },
      cannot,
    ],
    ['an unknown user', dated({ username: 'eve' }), cannot],
    ['the name of a consumer', dated({ username: 'ada' }), cannot],
    ['a secret that was cleared', dated({ username: 'cleared', key: '' }), cannot],
    ['another secret', dated({ key: 'other' }), mismatch],
    [
      'the signature of another algorithm',
      { headers: ['date', date, 'authorization', mac.replace('sha256', 'sha512')] },
      mismatch,
    ],
    ['a signature that was cut', { headers: ['date', date, 'authorization', mac.replace(/.{4}"$/, '"')] }, mismatch],
    ['another target', dated({ names: 'request-line', lines: ['POST /a HTTP/1.1'] }, { target: '/b' }), mismatch],
    [
      'another method',
      dated({ names: '@request-target', lines: ['@request-target: get /a'] }, { target: '/a' }),
      mismatch,
    ],
    [
      'a header named request-line in place of the line',
      dated({ names: 'request-line', lines: ['request-line: x'] }, { headers: ['request-line', 'x'] }),
      mismatch,
    ],
    ['a changed header', dated({ names: 'x-one', lines: ['x-one: 1'] }, { headers: ['x-one', '2'] }), mismatch],
  ];
  for (const [title, request, message] of refusals) {
    it(`refuses ${title}`, async () => {
      // The signatures were made when the tests were loaded.
      const config = message === noDate ? {} : { clock_skew: 100_000 };
      const seen = await (await guardWithSigners(config)).send(request);
      expect([seen.status, seen.message, seen.passed]).to.deep.equal([401, message, undefined]);
      expect(seen.headers.get('www-authenticate')).to.equal('hmac');
    });
  }

  it('takes the other forms of HTTP dates, and X-Date before Date', async () => {
    const guard = await guardWithSigners();
    const now = new Date();
    const [day = '', month = ''] = now.toUTCString().slice(5, 11).split(' ');
    const time = now.toUTCString().slice(17, 25);
    const weekday = now.toLocaleDateString('en-GB', { weekday: 'long', timeZone: 'UTC' });
    const year = String(now.getUTCFullYear());
    for (const form of [
      now.toUTCString(),
      `${weekday}, ${day}-${month}-${year.slice(2)} ${time} GMT`,
      `${weekday.slice(0, 3)} ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`,
    ]) {
      expect((await guard.send(at(form))).status, form).to.equal(200);
    }
    const xDate = at(today(), 'X-Date');
    expect((await guard.send({ headers: [...(xDate?.headers ?? []), 'date', old] })).status).to.equal(200);
  });

  it('wants the headers signed that are enforced', async () => {
    const guard = await guardWithSigners({ enforce_headers: ['Date', '@request-target'] });
    expect((await guard.send(dated())).message).to.equal(cannot);
    const both = { names: '@request-target', lines: ['@request-target: post /orders'] };
    expect((await guard.send(dated(both))).status).to.equal(200);
  });

  it('takes a wider clock skew', async () => {
    expect((await (await guardWithSigners({ clock_skew: 100_000 })).send(at(old))).status).to.equal(200);
  });

  const digest = (body: string) => `SHA-256=${createHash('sha256').update(body).digest('base64')}`;
  const bodies: readonly [title: string, body: string, headers: readonly string[], isTaken: boolean][] = [
    ['a right digest', 'item=hat', ['digest', digest('item=hat')], true],
    ['the digest of another body', 'item=cap', ['digest', digest('item=hat')], false],
    ['no digest', 'item=hat', [], false],
    ['no digest of no body', '', [], true],
    ['a digest of no body', '', ['digest', digest('')], true],
    ['two digests', 'item=hat', ['digest', digest('item=hat'), 'digest', digest('item=cap')], false],
    ['another algorithm', 'item=hat', ['digest', digest('item=hat').replace('SHA-256', 'MD5')], false],
  ];
  for (const [title, body, headers, isTaken] of bodies) {
    it(`${isTaken ? 'takes' : 'refuses'} ${title} where bodies are validated`, async () => {
      const request = dated({}, { body, headers });
      const seen = await (await guardWithSigners({ validate_request_body: true })).send(request);
      expect([seen.status, seen.message]).to.deep.equal(isTaken ? [200, undefined] : [401, mismatch]);
      expect((await (await guardWithSigners()).send(request)).status).to.equal(200);
    });
  }

  it('signs the target as it came, though a plugin before took a key out of it', async () => {
    const keyAuth = { name: 'key-auth', config: { hide_credentials: true } };
    const target = '/?apikey=ada-key&x=1';
    const signing = { names: '@request-target', lines: [`@request-target: post ${target}`] };
    const seen = await (await guardWithSigners({}, keyAuth)).send(dated(signing, { target }));
    expect([seen.status, seen.passed?.target]).to.deep.equal([200, '/?x=1']);
  });

  it('hides the signature, names the realm, and lets an anonymous consumer stand for the rest', async () => {
    const guard = await guardWithSigners({ hide_credentials: true, anonymous: guest.username });
    const right = await guard.send(dated());
    expect(right.passed?.headers.get('authorization')).to.equal(undefined);
    const wrong = await guard.send(dated({ key: 'x' }));
    expect(wrong.passed?.headers.get('x-consumer-username')).to.equal('guest');
    const realm = await (await guardWithSigners({ realm: 'my api' })).send();
    expect(realm.headers.get('www-authenticate')).to.equal('hmac realm="my api"');
  });

  it('takes a time that grows with the bytes, not with names times headers', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `x-${index}`);
    const headers = new HeaderList(names.flatMap((name) => [name, 'v']));
    const started = performance.now();
    const exchange = new (class extends FakeExchange {
      override readonly headers = headers;
    })();
    expect(signingString(exchange, names).split('\n')).to.have.length(20_000);
    expect(performance.now() - started).to.be.below(1_000);
  });

  for (const config of [{ clock_skew: 0 }, { algorithms: ['hmac-md5'] }, { enforce_headers: ['a b'] }]) {
    it(`refuses the config ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'hmac-auth', config }] })).to.throw();
    });
  }
});
