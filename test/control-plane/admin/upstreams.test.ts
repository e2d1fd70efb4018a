import { expect } from 'chai';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

const uuid = '11111111-1111-4111-8111-111111111111';

describe('the Admin API: upstreams and targets', () => {
  let admin: AdminFixture;
  beforeEach(async () => {
    admin = await startAdmin();
    await admin.call('PUT', '/upstreams/u', {});
    await admin.call('PUT', '/upstreams/v', {});
  });
  afterEach(() => admin.close());

  it('fills the whole tree of defaults', async () => {
    const { body } = await admin.call('GET', '/upstreams/u');
    const { id, created_at, updated_at } = body;
    expect(body).to.deep.equal({
      id,
      created_at,
      updated_at,
      name: 'u',
      algorithm: 'round-robin',
      hash_on: 'none',
      hash_fallback: 'none',
      hash_on_header: null,
      hash_fallback_header: null,
      hash_on_cookie: null,
      hash_on_cookie_path: '/',
      hash_on_query_arg: null,
      hash_fallback_query_arg: null,
      hash_on_uri_capture: null,
      hash_fallback_uri_capture: null,
      slots: 10000,
      healthchecks: {
        active: {
          type: 'http',
          timeout: 1,
          concurrency: 10,
          http_path: '/',
          https_sni: null,
          https_verify_certificate: true,
          headers: null,
          healthy: { interval: 0, http_statuses: [200, 302], successes: 0 },
          unhealthy: {
            interval: 0,
            http_statuses: [429, 404, 500, 501, 502, 503, 504, 505],
            tcp_failures: 0,
            timeouts: 0,
            http_failures: 0,
          },
        },
        passive: {
          type: 'http',
          healthy: {
            http_statuses: [
              200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308,
            ],
            successes: 0,
          },
          unhealthy: { http_statuses: [429, 500, 503], tcp_failures: 0, timeouts: 0, http_failures: 0 },
        },
        threshold: 0,
      },
      tags: null,
      host_header: null,
      client_certificate: null,
      use_srv_name: false,
    });
  });

  it('PATCH merges the tree deeply', async () => {
    const form = new URLSearchParams('healthchecks.active.healthy.interval=5&healthchecks.passive.type=tcp');
    await admin.call('PATCH', '/upstreams/u', form);
    const { body } = await admin.call('PATCH', '/upstreams/u', {
      healthchecks: { active: { healthy: { http_statuses: [204] }, headers: { 'x-a': ['b'] } } },
    });
    expect(body.healthchecks.active.healthy).to.deep.equal({ interval: 5, http_statuses: [204], successes: 0 });
    expect(body.healthchecks.active).to.deep.include({ headers: { 'x-a': ['b'] }, concurrency: 10 });
    expect(body.healthchecks.passive.type).to.equal('tcp');
    const reset = await admin.call('PUT', '/upstreams/u', {});
    expect(reset.body.healthchecks.active.healthy.interval).to.equal(0);
  });

  it('gives a target its port, and finds it with and without', async () => {
    const made = await admin.call('POST', '/upstreams/u/targets', { target: 'a.example', tags: ['x'] });
    expect(made.status, made.text).to.equal(201);
    const { id, created_at, updated_at } = made.body;
    const upstream = { id: (await admin.call('GET', '/upstreams/u')).body.id };
    expect(made.body).to.deep.equal({
      id,
      created_at,
      updated_at,
      upstream,
      target: 'a.example:8000',
      weight: 100,
      tags: ['x'],
    });
    for (const path of [
      '/upstreams/u/targets/a.example:8000',
      '/upstreams/u/targets/a.example',
      `/upstreams/${upstream.id}/targets/${id}`,
      `/targets/${id}`,
    ]) {
      expect((await admin.call('GET', path)).body, path).to.deep.equal(made.body);
    }
    expect((await admin.call('GET', '/upstreams/v/targets/a.example')).status).to.equal(404);
    expect((await admin.call('GET', `/upstreams/v/targets/${id}`)).status).to.equal(404);
    expect((await admin.call('GET', `/targets/${id}/upstream`)).body.name).to.equal('u');
  });

  it('keeps targets unique within their upstream', async () => {
    await admin.call('POST', '/upstreams/u/targets', { target: 'a:80' });
    expect((await admin.call('POST', '/upstreams/v/targets', { target: 'a:80' })).status).to.equal(201);
    const second = await admin.call('POST', '/upstreams/u/targets', { target: 'a:80', weight: 5 });
    expect(second.status).to.equal(409);
    const { id } = (await admin.call('GET', '/upstreams/u')).body;
    expect(second.body.message).to.equal(`UNIQUE violation detected on '{target="a:80",upstream={id="${id}"}}'`);
  });

  it('PUT changes the one target of its upstream, PATCH and DELETE too', async () => {
    const ofV = await admin.call('PUT', '/upstreams/v/targets/a:80', {});
    const made = await admin.call('PUT', '/upstreams/u/targets/a:80', { weight: 1 });
    expect(made.status).to.equal(200);
    expect(made.body.id).not.to.equal(ofV.body.id);
    const again = await admin.call('PUT', '/upstreams/u/targets/a:80', { target: 'ignored', weight: 2 });
    expect(again.body).to.deep.include({ id: made.body.id, target: 'a:80', weight: 2 });
    const patched = await admin.call('PATCH', '/upstreams/u/targets/a:80', { weight: 3 });
    expect(patched.body).to.deep.include({ id: made.body.id, weight: 3 });
    const byId = await admin.call('PUT', `/upstreams/u/targets/${uuid}`, { target: 'b', created_at: 1.25 });
    expect(byId.body).to.deep.include({ id: uuid, target: 'b:8000', created_at: 1.25 });
    expect((await admin.call('DELETE', '/upstreams/u/targets/a:80')).status).to.equal(204);
    expect((await admin.call('GET', `/targets/${ofV.body.id}`)).status).to.equal(200);
    expect((await admin.call('DELETE', '/upstreams/v')).status).to.equal(204);
    expect((await admin.call('GET', '/targets')).body.data.map((target: { id: string }) => target.id)).to.deep.equal([
      uuid,
    ]);
  });
});
