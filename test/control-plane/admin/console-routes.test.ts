import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** The whole console, packed. */
const firstLoadBytesMax = 150 * 1024;

describe('the files of the console', () => {
  let admin: AdminFixture;
  let assets: string[];

  before(async () => {
    admin = await startAdmin({ token: 'the-token' });
    const { text } = await admin.call('GET', '/console/');
    assets = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
  });
  after(() => admin.close());

  it('are served without the token, under a strict policy, whatever page is asked for', async () => {
    for (const path of ['/console', '/console/', '/console/fleet?state=rejected', '/console/routes/new']) {
      const { status, headers, text } = await admin.call('GET', path);
      expect(status, path).to.equal(200);
      expect(headers.get('content-type')).to.equal('text/html; charset=utf-8');
      expect(headers.get('content-security-policy')).to.equal(policy);
      expect(headers.get('x-content-type-options')).to.equal('nosniff');
      expect(headers.get('referrer-policy')).to.equal('no-referrer');
      expect(headers.get('cache-control')).to.equal('no-cache');
      expect(text).to.match(/^<!doctype html>/i);
    }
  });

  it('have their types, and names that change with their content', async () => {
    const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' };
    const extensions = new Set<string>();
    for (const path of assets) {
      const extension = path.slice(path.lastIndexOf('.') + 1);
      extensions.add(extension);
      const { status, headers } = await admin.call('GET', path);
      expect(status, path).to.equal(200);
      expect(headers.get('content-type')).to.equal(types[extension as keyof typeof types]);
      expect(headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
      expect(headers.get('content-security-policy')).to.equal(policy);
    }
    expect([...extensions].toSorted()).to.deep.equal(['css', 'js', 'svg']);
  });

  it('load nothing from elsewhere, and need no inline script or style', async () => {
    const { text } = await admin.call('GET', '/console/');
    expect(text).not.to.match(/<style|style="|<script(?![^>]* src=)/);
    expect(assets.length).to.be.greaterThan(2);
    for (const path of assets) {
      expect(path).to.match(/^\/console\/assets\//);
      const asset = await admin.call('GET', path);
      // Names of XML namespaces are no addresses that anybody loads.
      const addresses = [...asset.text.matchAll(/https?:\/\/[\w.-]+/g)].map(([address]) => address);
      expect(addresses.filter((address) => address !== 'http://www.w3.org')).to.deep.equal([]);
    }
  });

  it('are small: the first load is below 150 KiB compressed', async () => {
    let bytes = 0;
    for (const path of ['/console/', ...assets]) bytes += gzipSync((await admin.call('GET', path)).text).length;
    expect(bytes).to.be.greaterThan(5_000).and.lessThan(firstLoadBytesMax);
  });

  it('are compressed for clients that accept it', async () => {
    const packed = await fetch(`http://${admin.address}/console/`, { headers: { 'accept-encoding': 'br, gzip' } });
    expect(packed.headers.get('content-encoding')).to.equal('gzip');
    expect(await packed.text()).to.include('id="console"');
    for (const coding of ['identity', 'gzip;q=0']) {
      const plain = await fetch(`http://${admin.address}/console/`, { headers: { 'accept-encoding': coding } });
      expect(plain.headers.get('content-encoding'), coding).to.equal(null);
      expect(await plain.text()).to.include('id="console"');
    }
  });

  it('answer 404 for a missing asset, and nothing outside of their folder', async () => {
    for (const path of ['/console/assets/none.js', '/console/assets/..%2f..%2fadmin%2fadmin-server.js']) {
      const { status, body } = await admin.call('GET', path);
      expect([status, body], path).to.deep.equal([404, { message: 'Not found' }]);
    }
    const page = await admin.call('GET', '/console/..%2f..%2fpackage.json');
    expect(page.text).to.match(/^<!doctype html>/i);
  });

  it('open no other endpoint: writes and the API require the token', async () => {
    for (const [method, path] of [
      ['GET', '/services'],
      ['GET', '/consoles'],
      ['POST', '/console/'],
    ] as const) {
      const { status } = await admin.call(method, path);
      expect(status, path).to.equal(401);
    }
  });

  it('are refused under a host name that is not this server', async () => {
    const request = get(`http://${admin.address}/console/`, { headers: { host: 'evil.example' } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).to.equal(421);
  });
});
