import { mkdir } from 'node:fs/promises';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../../helpers/chromium.ts';
import { Closing } from '../../helpers/closing.ts';
import { freePort } from '../../helpers/free-port.ts';
import { countRecords, createTopic, testKafka } from '../../helpers/kafka.ts';
import { postRaw } from '../../helpers/post.ts';
import { runControlPlane, runDataPlane, type ControlPlaneProcess } from '../../helpers/sluice-process.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { axe, withConsolePage } from './console-page.ts';

const token = 'full-token-of-the-console-test';
const readOnlyToken = 'read-only-token-of-the-console-test';
/** One node lacks this variable, so it rejects what refers to it. */
const variable = 'CONSOLE_TEST_PASSWORD';
const shots = 'screenshots';

describe('the console in a browser', function () {
  this.timeout(180_000);
  const closing = new Closing();
  let browser: Browser;
  let controlPlane: ControlPlaneProcess;
  let proxy = '';
  let topic = '';

  before(async function () {
    const launched = await launchChromium();
    if (launched === undefined) {
      this.skip();
      return;
    }
    browser = launched;
    closing.add(() => browser.close());
    await mkdir(shots, { recursive: true });
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    controlPlane = await runControlPlane({
      folder: temp.path,
      args: [`--admin-token=${token}`, `--admin-token-read-only=${readOnlyToken}`],
    });
    closing.add(() => controlPlane.stop());
    await api('PUT', '/routes/orders', { paths: ['/orders'], tags: ['shop'] });
    await Promise.all(
      ['a', 'b', 'c'].map(async (zone) => {
        const node = await runDataPlane({
          folder: `${temp.path}/${zone}`,
          controlPlane: controlPlane.cluster,
          args: [`--node-labels=zone=${zone}`],
          env: zone === 'c' ? {} : { [variable]: 'planted-password' },
        });
        closing.add(() => node.stop());
        if (zone === 'a') proxy = node.proxy;
      }),
    );
    await api('PUT', '/routes/orders?wait=applied&timeout=30s', { paths: ['/orders'], tags: ['shop', 'eu'] });
    await sendEvents();
  });
  after(() => closing.close());

  /** Makes a route with records in a real Kafka, and sends some to it: the nodes tell them within 10 s. */
  async function sendEvents(): Promise<void> {
    topic = await createTopic('console', { partitions: 3 });
    const [host = '', port = ''] = testKafka().split(':');
    const config = {
      cluster_name: 'events-kafka',
      bootstrap_servers: [{ host, port: Number(port) }],
      topic,
      record_value: 'body',
      key_from: { header: 'x-key' },
    };
    await api('PUT', '/routes/events', { paths: ['/events'], methods: ['POST'] });
    await api('POST', '/routes/events/plugins?wait=applied&timeout=30s', { name: 'kafka-upstream', config });
    for (let n = 0; n < 20; n += 1) {
      const { status } = await postRaw(`${proxy}/events`, `{"n":${n}}`, { 'x-key': `k${n}` });
      expect(status).to.equal(200);
    }
    await fetch(`${proxy}/nowhere`);
  }

  async function api(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(`${controlPlane.admin}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect(response.ok, `${method} ${path}: ${text}`).to.equal(true);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  }

  const withPage = (options: Parameters<typeof withConsolePage>[1], work: Parameters<typeof withConsolePage>[2]) =>
    withConsolePage({ browser, admin: controlPlane.admin }, options, work);

  it('asks for a token, says that one is wrong, and takes the right one', () =>
    withPage({}, async (page, open) => {
      await open('/fleet');
      await page.getByLabel('Token').fill('wrong');
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByText('The control plane refused this token.').waitFor();
      await page.screenshot({ path: `${shots}/login.png` });
      await page.getByLabel('Token').fill(token);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Fleet', level: 1 }).waitFor();
      expect(page.url()).not.to.include(token);
      expect(await page.evaluate('JSON.stringify(localStorage)')).not.to.include(token);
      await page.goto(`${controlPlane.admin}/console/settings`);
      await page.getByText('Your token may read and write.').waitFor();
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByLabel('Token').waitFor();
      expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.to.include(token);
    }));

  it('shows values and changes nothing with the read-only token', () =>
    withPage({ as: readOnlyToken }, async (page, open) => {
      await open('/routes/orders');
      await page.getByText('This token may only read.').waitFor();
      expect(await page.getByLabel('name', { exact: true }).isDisabled()).to.equal(true);
      expect(await page.getByRole('button', { name: /Save|Delete/ }).count()).to.equal(0);
      await open('/routes');
      expect(await page.getByRole('link', { name: 'New route' }).count()).to.equal(0);
    }));

  it('creates, edits and deletes an entity; faults stand at their fields', () =>
    withPage({ as: token }, async (page, open) => {
      await open('/services/new');
      await page.getByLabel('name', { exact: true }).fill('billing');
      await page.getByLabel(/^host \*/).fill('billing.internal');
      await page.getByLabel(/^port/).fill('99999');
      await page.getByRole('button', { name: 'Create service' }).click();
      const port = page.locator('[data-field="port"]');
      await port.locator('.field-fault').waitFor();
      expect(await port.locator('.field-fault').textContent()).to.equal('value should be between 0 and 65535');
      expect(await page.getByLabel(/^port/).getAttribute('aria-invalid')).to.equal('true');
      await page.screenshot({ path: `${shots}/fault.png` });

      await page.getByLabel(/^port/).fill('8080');
      await page.getByRole('button', { name: 'Create service' }).click();
      await page.getByText('Saved. All 3 connected nodes run the change.').waitFor();
      expect(await api('GET', '/services/billing')).to.include({ host: 'billing.internal', port: 8080, retries: 5 });

      await page.getByText(/more settings/).click();
      await page.getByLabel(/^retries/).fill('7');
      await page.getByLabel(/^path/).fill('/v1');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Saved. All 3 connected nodes run the change.').waitFor();
      await waitFor(async () => (await api('GET', '/services/billing'))['path'] === '/v1', { what: 'the saved path' });
      expect(await api('GET', '/services/billing')).to.include({ retries: 7 });

      await page.getByRole('button', { name: 'Delete' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('Delete the service billing?').waitFor();
      await dialog.getByRole('button', { name: 'Delete' }).click();
      await page.getByText('There is no service yet').waitFor();
      expect((await api('GET', '/services'))['data']).to.deep.equal([]);
    }));

  it('does not write over what somebody else changed meanwhile', () =>
    withPage({ as: token }, async (page, open) => {
      const { id } = await api('PUT', '/consumers/mobile', { custom_id: 'one' });
      await open(`/consumers/${String(id)}`);
      await api('PUT', '/consumers/mobile', { custom_id: 'two' });
      await page.getByLabel(/^custom id/).fill('three');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Somebody changed it meanwhile. Nothing was saved.').waitFor();
      await page.getByRole('button', { name: 'Read it again' }).click();
      await waitFor(async () => (await page.getByLabel(/^custom id/).inputValue()) === 'two', {
        what: 'the new value',
      });
      expect(await api('GET', '/consumers/mobile')).to.include({ custom_id: 'two' });
    }));

  it('leads from a save that one of three nodes rejects to the cause, and back to health', () =>
    withPage({ as: token }, async (page, open) => {
      const config = {
        bootstrap_servers: [{ host: '127.0.0.1', port: await freePort() }],
        cluster_name: 'orders-cluster',
        topic: 'orders',
        authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password: 'first' },
      };
      const made = await api('POST', '/routes/orders/plugins?wait=applied&timeout=20s', {
        name: 'kafka-upstream',
        config,
      });
      await open(`/plugins/${String(made['id'])}`);
      await page.locator('[id="config.authentication.password"]').fill(`{vault://env/${variable}}`);
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('a node rejected it').waitFor();
      await page.screenshot({ path: `${shots}/rejected-save.png` });
      await page.getByRole('link', { name: /See why/ }).click();
      await page.getByText('Why it rejected the configuration').waitFor();
      const fault = page.locator('.sheet:has(#rejection-title) .row').filter({ hasText: variable });
      await fault.waitFor();
      expect(await fault.locator('.field-path').textContent()).to.include('password');
      await page.screenshot({ path: `${shots}/rejected-node.png` });

      await open('/');
      await page.getByRole('link', { name: /rejected the configuration/ }).waitFor();
      await page.getByRole('link', { name: /cannot reach the cluster orders-cluster/ }).waitFor();
      await page.screenshot({ path: `${shots}/overview-troubled.png`, fullPage: true });
      await open('/fleet?state=rejected');
      expect(await page.locator('tbody tr').count()).to.equal(1);
      expect(await page.locator('tbody tr').textContent()).to.include('zone=c');
      // The stream of events brings the change into the open page.
      await api('DELETE', `/plugins/${String(made['id'])}`);
      await page.getByText('No node fits this filter').waitFor();
      await page.getByRole('link', { name: 'Show all 3' }).click();
      await waitFor(async () => (await page.locator('.chip-in_sync').count()) === 3, { what: 'three nodes in sync' });
    }));

  it('shows who changed what, with the difference', () =>
    withPage({ as: token }, async (page, open) => {
      await api('PUT', '/routes/orders', { paths: ['/orders', '/v2/orders'], tags: ['shop', 'eu'] });
      await open('/changes');
      await page.getByRole('link', { name: 'route orders' }).first().click();
      await page.getByRole('heading', { name: 'Route orders updated' }).waitFor();
      const row = page.locator('tr').filter({ hasText: 'paths' });
      expect(await row.locator('.old').textContent()).to.equal('["/orders"]');
      expect(await row.locator('.new').textContent()).to.equal('["/orders","/v2/orders"]');
      await page.getByText('By admin_token').waitFor();
    }));

  it('goes back to before a change, once asked', () =>
    withPage({ as: token }, async (page, open) => {
      await api('PUT', '/consumers/back', { custom_id: 'first' });
      await api('PUT', '/consumers/back', { custom_id: 'second' });
      await open('/changes');
      await page.getByRole('link', { name: 'consumer back' }).first().click();
      await page.getByRole('button', { name: 'Revert to before this change' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Revert' }).click();
      await page.getByText('Saved. All 3 connected nodes run the change.').waitFor();
      expect(await api('GET', '/consumers/back')).to.include({ custom_id: 'first' });
    }));

  it('tries a request, and a plugin before it is saved, and sends nothing', () =>
    withPage({ as: token }, async (page, open) => {
      await open('/routes/events');
      await page.getByRole('link', { name: 'Try it' }).click();
      await page.getByLabel('Body').fill('{"n":1}');
      await page.getByRole('button', { name: 'Try it' }).click();
      await page.getByRole('heading', { name: 'The record' }).waitFor();
      await page.getByText(`${topic} at events-kafka`).waitFor();
      await page.screenshot({ path: `${shots}/try.png`, fullPage: true });
      expect(page.url()).to.not.include('%22n%22');
      const [plugin] = (await api('GET', '/routes/events/plugins'))['data'] as { id: string }[];
      await open(`/plugins/${plugin?.id ?? ''}`);
      await page.locator('[id="config.topic"]').fill('another-topic');
      await page.getByRole('button', { name: 'Try without saving' }).click();
      await page.getByText('as its form holds it').waitFor();
      await page.getByRole('button', { name: 'Try it' }).click();
      await page.getByText('another-topic at events-kafka').waitFor();
      expect(await countRecords(topic)).to.equal(20);
    }));

  it('shows destinations with who needs them', () =>
    withPage({ as: token }, async (page, open) => {
      await open('/destinations');
      const cluster = page.getByRole('region', { name: 'cluster events-kafka' });
      await cluster.getByText('connected').waitFor();
      await cluster.getByText('3 of 3 nodes').waitFor();
      await cluster.getByRole('link', { name: 'kafka-upstream' }).waitFor();
      await page.screenshot({ path: `${shots}/destinations.png` });
    }));

  it('shows traffic on the overview, of a route and of a node', () =>
    withPage({ as: token }, async (page, open) => {
      await open('/');
      await page.getByText('21 answers: 20 acked').waitFor();
      await page.screenshot({ path: `${shots}/overview.png`, fullPage: true });
      await page.getByRole('link', { name: 'events', exact: true }).click();
      await page.getByText('20 answers: 20 acked').waitFor();
      await page.screenshot({ path: `${shots}/route.png`, fullPage: true });
      const nodes = (await api('GET', '/clustering/data-planes'))['data'] as { id: string; labels: { zone: string } }[];
      await open(`/fleet/${nodes.find(({ labels }) => labels.zone === 'a')?.id ?? ''}`);
      await page.getByText('21 answers: 20 acked').waitFor();
      await page.getByRole('heading', { name: 'History' }).waitFor();
      await page.screenshot({ path: `${shots}/node.png`, fullPage: true });
    }));

  it('asks before a link leaves changes that are not saved', () =>
    withPage({ as: token }, async (page, open) => {
      await open('/services/new');
      await page.getByLabel('name', { exact: true }).fill('half-written');
      const asked: string[] = [];
      page.once('dialog', (dialog) => {
        asked.push(dialog.message());
        void dialog.dismiss();
      });
      await page.getByRole('link', { name: 'Fleet' }).click();
      expect(asked).to.deep.equal(['Leave without saving your changes?']);
      expect(await page.getByLabel('name', { exact: true }).inputValue()).to.equal('half-written');
      page.once('dialog', (dialog) => void dialog.accept());
      await page.getByRole('link', { name: 'Fleet' }).click();
      await page.getByRole('heading', { name: 'Fleet', level: 1 }).waitFor();
    }));

  it('finds pages, nodes and entities by name with the keyboard alone', () =>
    withPage({ as: token }, async (page, open) => {
      await open('/');
      await page.keyboard.press('Control+k');
      // Keys that come before the dialog has the focus go to the page.
      await page.locator('input[role=combobox]:focus').waitFor();
      await page.keyboard.type('orders route');
      await page.getByRole('option', { name: /^orders\s*route/i, selected: true }).waitFor();
      await page.screenshot({ path: `${shots}/palette.png` });
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'orders', level: 1 }).waitFor();
    }));

  it('searches lists and filters them by tags, with an address for each', () =>
    withPage({ as: token }, async (page, open) => {
      await api('PUT', '/routes/invoices', { paths: ['/invoices'], tags: ['pay'] });
      await open('/routes');
      await page.getByLabel('Search routes').fill('v2');
      await page.getByText('1 found, 3 searched').waitFor();
      expect(new URL(page.url()).search).to.equal('?q=v2');
      await open('/routes?tags=pay');
      expect(await page.locator('tbody tr').count()).to.equal(1);
      expect(await page.locator('tbody tr').textContent()).to.include('invoices');
    }));

  const pages = [
    '/',
    '/fleet',
    '/routes',
    '/routes/new',
    '/routes/events',
    '/destinations',
    '/try',
    '/plugins/new',
    '/changes',
    '/api',
    '/settings',
  ];
  for (const look of [
    { width: 1280, colorScheme: 'light' as const, rules: undefined },
    // What the other run finds does not depend on the theme.
    {
      width: 360,
      colorScheme: 'dark' as const,
      rules: ['color-contrast', 'scrollable-region-focusable', 'target-size'],
    },
  ]) {
    it(`has no fault that axe finds, and fits, at ${look.width} px, ${look.colorScheme}`, () =>
      withPage({ as: token, ...look }, async (page, open) => {
        const nodes = (await api('GET', '/clustering/data-planes'))['data'] as { id: string }[];
        const form = '/plugins/new?name=kafka-upstream';
        const narrow = ['/', '/fleet', '/routes', '/routes/events', '/changes', '/destinations', '/try'];
        const listed = look.rules === undefined ? [...pages, '/snis', '/nowhere'] : narrow;
        for (const path of [...listed, `/fleet/${nodes[0]?.id ?? ''}`, form]) {
          await open(path);
          for (const summary of await page.locator('summary').all()) await summary.click();
          const { violations } = await axe(page, look.rules).analyze();
          const found = violations.map(({ id, nodes: [node] }) => `${path} ${id}: ${node?.html ?? ''}`);
          expect(found).to.deep.equal([]);
          const excess = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
          expect(excess, `${path} is wider than the window`).to.be.at.most(0);
          const name = path.replace(/[^a-z]+/g, '-').slice(0, 20);
          await page.screenshot({ path: `${shots}/page${name}-${look.width}.png` });
        }
      }));
  }

  it('says that the control plane cannot be reached, and when it can be again', () =>
    withPage({ as: token }, async (page, open) => {
      await open('/fleet');
      await page.route('**/clustering/**', (route) => route.abort());
      await page.getByText('The control plane cannot be reached').waitFor();
      await page.unroute('**/clustering/**');
      await page.getByText('The control plane cannot be reached').waitFor({ state: 'detached' });
    }));
});
