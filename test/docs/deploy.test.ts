import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { load, loadAll } from 'js-yaml';
import { isRecord } from '../../shared/schema/is-record.ts';
import { parseSettings } from '../../shared/settings/parse-settings.ts';
import { settingsTable } from '../../shared/settings/settings-table.ts';
import { variableOf } from '../../shared/settings/setting-sources.ts';
import { pythonPackages } from '../helpers/python-packages.ts';
import { sourceMetricNames } from './source-metrics.ts';

// The shapes of foreign formats are read without ceremony.
// oxlint-disable-next-line typescript/no-explicit-any
type Any = any;

const text = (path: string) => readFileSync(path, 'utf8');
const manifests = ['control-plane', 'data-plane', 'network-policy'].map(
  (name) => `docs/deploy/kubernetes/${name}.yaml`,
);
const objects = (): Any[] => manifests.flatMap((path) => loadAll(text(path)) as Any[]);
const ofKind = (kind: string): Any[] => objects().filter((object) => object.kind === kind);
const compose = load(text('docker-compose.yml')) as Any;
const variables = new Map(
  Object.keys(settingsTable).map((name) => [variableOf(name as keyof typeof settingsTable), name]),
);

/** Environment variables of an image, from its Dockerfile. */
function imageEnv(path: string): Record<string, string> {
  const [, block = ''] = /^ENV ((?:.*\\\n)*.*)$/m.exec(text(path)) ?? [];
  return Object.fromEntries([...block.matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]));
}

/** Says what is wrong with the settings of a node that gets these variables; nothing when they are good. */
function settingFaults(env: Readonly<Record<string, string>>): string[] {
  const unknown = Object.keys(env).filter((name) => name.startsWith('SLUICE_') && !variables.has(name));
  const parsed = parseSettings({ args: [], env });
  const faults = parsed.kind === 'faulty' ? parsed.faults.map(({ name, message }) => `${name}: ${message}`) : [];
  return [...unknown, ...faults];
}

/** Default values of `${NAME:-default}`. */
const withDefaults = (env: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace(/\$\{\w+:-([^}]*)\}/, '$1')]));

describe('the files of a deployment', () => {
  describe('Dockerfiles', () => {
    for (const plane of ['control-plane', 'data-plane'] as const) {
      const path = `${plane}/Dockerfile`;
      it(`${path} copies what is there, runs without rights, and sets what is a setting`, () => {
        const file = text(path);
        const copied = [...file.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, list = '']) => list.split(' '));
        expect(copied).to.include.members(['package-lock.json', 'control-plane', 'data-plane', 'shared', 'proto']);
        for (const source of copied) expect(existsSync(source), source).to.equal(true);
        const built = new Set(copied.filter((source) => !source.includes('.')));
        expect([...built], 'all that tsc compiles').to.include.members(['test']);
        const [, major] = /^FROM node:(\d+)-/m.exec(file) ?? [];
        expect(Number(major)).to.be.at.least(22);
        expect(file)
          .to.match(/^USER 10001:10001$/m)
          .and.match(/^HEALTHCHECK /m)
          .and.match(/tini/)
          .and.match(/^VOLUME \/data$/m);
        const token =
          plane === 'control-plane' ? { SLUICE_ADMIN_TOKEN: 'sixteen-characters' } : { SLUICE_CONTROL_PLANE: 'a:1' };
        const pair = { SLUICE_CLUSTER_CERT: 'c', SLUICE_CLUSTER_CERT_KEY: 'k' };
        expect(settingFaults({ ...imageEnv(path), ...token, ...pair })).to.deep.equal([]);
        const ports = [...(/^EXPOSE (.+)$/m.exec(file)?.[1] ?? '').matchAll(/\d+/g)].map(([port]) => port);
        const listens = Object.entries(imageEnv(path)).filter(([name]) => name.endsWith('_LISTEN'));
        expect(listens.map(([, address]) => address.split(':')[1])).to.have.members(ports);
      });
    }
  });

  describe('docker-compose.yml', () => {
    // The YAML reader keeps merge keys as they are.
    const services: Record<string, Any> = Object.fromEntries(
      Object.entries<Any>(compose.services).map(([name, { '<<': merged = {}, ...own }]) => [
        name,
        { ...merged, ...own },
      ]),
    );

    it('gives each node settings that are good', () => {
      for (const [name, plane] of [
        ['control-plane', 'control-plane'],
        ['data-plane-1', 'data-plane'],
        ['data-plane-2', 'data-plane'],
      ] as const) {
        expect(services[name].build.dockerfile).to.equal(`${plane}/Dockerfile`);
        const env = { ...imageEnv(`${plane}/Dockerfile`), ...withDefaults(services[name].environment) };
        expect(settingFaults(env), name).to.deep.equal([]);
        expect(services[name]).to.include({ read_only: true });
        expect(services[name].cap_drop).to.deep.equal(['ALL']);
      }
    });

    it('publishes the ports of the quickstart on loopback, and only ports that containers have', () => {
      const published = Object.values(services).flatMap(({ ports = [] }: { ports?: string[] }) => ports);
      for (const port of published) expect(port).to.match(/^127\.0\.0\.1:\d+:\d+$/);
      expect(published).to.include.members(['127.0.0.1:8000:8000', '127.0.0.1:8001:8001', '127.0.0.1:9092:9092']);
    });

    it('names images with a version, files that are there, and services that are there', () => {
      for (const [name, service] of Object.entries(services)) {
        if (service.image !== undefined) expect(service.image, name).to.match(/:v?\d+(\.\d+)+/);
        for (const volume of service.volumes ?? []) {
          const [source] = volume.split(':');
          if (source.startsWith('./')) expect(existsSync(source), source).to.equal(true);
          else expect(compose.volumes).to.have.property(source);
        }
        const needed = Array.isArray(service.depends_on) ? service.depends_on : Object.keys(service.depends_on ?? {});
        for (const other of needed) expect(services, name).to.have.property(other);
      }
    });

    it('balances over the nodes and scrapes them at ports that they have', () => {
      const balancer = text('docs/deploy/balancer/haproxy.cfg');
      const servers = [...balancer.matchAll(/^ +server (\S+) (\S+):(\d+) check port (\d+)$/gm)];
      expect(servers.map(([, , host]) => host)).to.deep.equal(['data-plane-1', 'data-plane-2']);
      for (const [, , , port, statusPort] of servers) expect([port, statusPort]).to.deep.equal(['8000', '8007']);
      expect(balancer).to.include('uri /status/ready');
      const prometheus = load(text('docs/deploy/prometheus/prometheus.yml')) as Any;
      const targets = prometheus.scrape_configs.flatMap((job: Any) =>
        job.static_configs.flatMap((one: Any) => one.targets),
      );
      expect(targets).to.have.members(['control-plane:8007', 'data-plane-1:8007', 'data-plane-2:8007']);
      for (const file of prometheus.rule_files) expect(existsSync(join('docs/deploy/prometheus', file))).to.equal(true);
    });
  });

  describe('alert rules and dashboard', () => {
    const rules: Any[] = (load(text('docs/deploy/prometheus/alerts.yml')) as Any).groups.flatMap(
      (group: Any) => group.rules,
    );
    const dashboard = JSON.parse(text('docs/deploy/grafana/dashboards/sluice.json'));
    const panels: Any[] = dashboard.panels;
    const series = new Set(
      sourceMetricNames().flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
    );
    const namesIn = (expression: string) => [...expression.matchAll(/sluice_[a-z_]+/g)].map(([name]) => name);

    it('name metrics that the sources register', () => {
      const expressions = [
        ...rules.map(({ expr }) => expr),
        ...panels.flatMap(({ targets }) => targets.map(({ expr }: Any) => expr)),
      ];
      expect(expressions.length).to.be.above(20);
      for (const expression of expressions) {
        expect(
          namesIn(expression).filter((name) => !series.has(name)),
          expression,
        ).to.deep.equal([]);
      }
    });

    it('have what an operator needs: a summary and a description, a unit and a place', () => {
      for (const { alert, annotations, labels } of rules) {
        expect(annotations, alert).to.have.all.keys('summary', 'description');
        expect(labels.severity, alert).to.match(/^(critical|warning)$/);
      }
      expect(new Set(rules.map(({ alert }) => alert)).size).to.equal(rules.length);
      expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
      const places = panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
      expect(new Set(places).size, 'no two panels in one place').to.equal(panels.length);
    });

    it('stand in docs/observability.md, expression by expression', () => {
      const page = text('docs/observability.md').replaceAll('\\|', '|');
      for (const { expr } of rules) expect(page).to.include(expr);
    });
  });

  describe('Kubernetes manifests', () => {
    const pods = () =>
      [...ofKind('StatefulSet'), ...ofKind('Deployment')].map((owner) => ({ owner, pod: owner.spec.template }));

    it('run without rights, on a read-only root, with probes of the status port', () => {
      expect(pods()).to.have.length(2);
      for (const { pod } of pods()) {
        expect(pod.spec.securityContext).to.include({ runAsNonRoot: true, runAsUser: 10001 });
        expect(pod.spec.automountServiceAccountToken).to.equal(false);
        const [container] = pod.spec.containers;
        expect(container.securityContext).to.deep.include({
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
        });
        expect(container.securityContext.capabilities).to.deep.equal({ drop: ['ALL'] });
        expect(container.readinessProbe.httpGet).to.deep.equal({ path: '/status/ready', port: 'status' });
        expect(container.livenessProbe.httpGet).to.deep.equal({ path: '/status/live', port: 'status' });
        expect(container.resources.limits).to.have.property('memory');
        expect(container.image).to.match(/:\d+\.\d+\.\d+$/);
        const mounted = container.volumeMounts.map(({ name }: Any) => name);
        const there = [...(pod.spec.volumes ?? []).map(({ name }: Any) => name), 'data'];
        expect(there).to.include.members(mounted);
      }
    });

    it('give each node settings that are good, and ports that it listens on', () => {
      for (const { owner, pod } of pods()) {
        const plane = owner.kind === 'StatefulSet' ? 'control-plane' : 'data-plane';
        const [container] = pod.spec.containers;
        const given = Object.fromEntries(container.env.map(({ name, value }: Any) => [name, value]));
        const env = { ...imageEnv(`${plane}/Dockerfile`), ...given };
        // The secret is not here.
        if (plane === 'control-plane') env['SLUICE_ADMIN_TOKEN'] = 'sixteen-characters';
        expect(settingFaults(env), plane).to.deep.equal([]);
        const listens = Object.entries(env).filter(([name]) => name.endsWith('_LISTEN'));
        const ports = container.ports.map(({ containerPort }: Any) => String(containerPort));
        expect(listens.map(([, address]) => address.split(':')[1])).to.have.members(ports);
        const drainMs = 5_000 + 25_000;
        expect(pod.spec.terminationGracePeriodSeconds * 1_000).to.be.above(drainMs);
      }
    });

    it('select pods by labels that they have, and name ports and objects that are there', () => {
      const labels = pods().map(({ pod }) => pod.metadata.labels);
      const fits = (selector: Any) =>
        labels.some((own) => Object.entries(selector).every(([name, value]) => own[name] === value));
      for (const { owner } of pods()) expect(fits(owner.spec.selector.matchLabels)).to.equal(true);
      for (const { spec } of ofKind('Service')) expect(fits(spec.selector)).to.equal(true);
      for (const { spec } of ofKind('PodDisruptionBudget')) expect(fits(spec.selector.matchLabels)).to.equal(true);
      for (const { spec } of ofKind('NetworkPolicy')) {
        expect(fits(spec.podSelector.matchLabels)).to.equal(true);
        const target = pods().find(({ pod }) =>
          Object.entries(spec.podSelector.matchLabels).every(([name, value]) => pod.metadata.labels[name] === value),
        );
        const names = target?.pod.spec.containers[0].ports.map(({ name }: Any) => name);
        for (const { ports } of spec.ingress) for (const { port } of ports) expect(names).to.include(port);
      }
      for (const { spec } of ofKind('Service')) {
        for (const { targetPort } of spec.ports) {
          expect(pods().flatMap(({ pod }) => pod.spec.containers[0].ports.map(({ name }: Any) => name))).to.include(
            targetPort,
          );
        }
      }
      const [scaler] = ofKind('HorizontalPodAutoscaler');
      expect(ofKind(scaler.spec.scaleTargetRef.kind).map(({ metadata }) => metadata.name)).to.include(
        scaler.spec.scaleTargetRef.name,
      );
      const [stateful] = ofKind('StatefulSet');
      expect(ofKind('Service').map(({ metadata }) => metadata.name)).to.include(stateful.spec.serviceName);
    });

    it("fit the schemas of Kubernetes' API", async function () {
      this.timeout(120_000);
      const packages = await pythonPackages('kubernetes-validate-1.37.0', ['kubernetes-validate==1.37.0']);
      if (packages === undefined) {
        this.skip();
        return;
      }
      const { status, stdout, stderr } = spawnSync(
        'python3',
        ['-m', 'kubernetes_validate', '--strict', '--quiet', ...manifests],
        { encoding: 'utf8', env: { ...process.env, PYTHONPATH: packages } },
      );
      expect(status, `${stdout}${stderr}`).to.equal(0);
    });
  });

  describe('systemd units', () => {
    const folder = 'docs/deploy/systemd';
    const units = readdirSync(folder);

    it('start roles with settings that are good', () => {
      expect(units).to.have.length(2);
      for (const unit of units) {
        const file = text(join(folder, unit));
        const [, args = ''] = /^ExecStart=\/usr\/bin\/env sluice start (.*)$/m.exec(file) ?? [];
        const env = Object.fromEntries(
          [...file.matchAll(/^Environment=([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
        );
        for (const name of Object.keys(env)) expect(variables.has(name), name).to.equal(true);
        const pair = { SLUICE_CLUSTER_CERT: 'c', SLUICE_CLUSTER_CERT_KEY: 'k' };
        const settings = unit.includes('data-plane') ? { SLUICE_CONTROL_PLANE: 'a:1', ...pair } : {};
        const parsed = parseSettings({ args: args.split(' '), env: { ...env, ...settings } });
        expect(parsed.kind === 'faulty' ? parsed.faults : []).to.deep.equal([]);
        for (const name of [...file.matchAll(/SLUICE_[A-Z_]+/g)].map(([found]) => found)) {
          if (name !== 'SLUICE_NAME') expect(variables.has(name), name).to.equal(true);
        }
        const state = /^StateDirectory=(.*)$/m.exec(file)?.[1] ?? '';
        for (const path of Object.values(env)) expect(path).to.match(new RegExp(`^/var/lib/${state}(/|$)`));
      }
    });

    it('are accepted by systemd', async function () {
      this.timeout(30_000);
      if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
        this.skip();
        return;
      }
      const work = await mkdtemp(join(tmpdir(), 'sluice-units-'));
      try {
        for (const unit of units) {
          await writeFile(join(work, unit), text(join(folder, unit)));
          const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(work, unit)], {
            encoding: 'utf8',
          });
          const own = stderr.split('\n').filter((line) => line.includes(unit));
          expect(own, stderr).to.deep.equal([]);
        }
      } finally {
        await rm(work, { recursive: true });
      }
    });
  });

  it('stand in docs/deploy.md, each with a link', () => {
    const page = text('docs/deploy.md');
    const linked = [...page.matchAll(/\]\((?:\.\.\/)?([^)#]+)\)/g)].map(([, path = '']) => path);
    for (const path of ['docker-compose.yml', 'control-plane/Dockerfile', 'data-plane/Dockerfile'])
      expect(linked).to.include(path);
    for (const path of [
      ...manifests,
      'docs/deploy/prometheus/alerts.yml',
      'docs/deploy/grafana/dashboards/sluice.json',
    ]) {
      expect(linked).to.include(path.replace('docs/', ''));
    }
    for (const path of linked.filter((one) => one.startsWith('deploy/')))
      expect(existsSync(join('docs', path)), path).to.equal(true);
    expect(isRecord(compose)).to.equal(true);
  });
});
