import { expect } from 'chai';
import { clusterNames, clusterWarningText, type ClusterUser } from '../../shared/cluster-names.ts';

const a = { host: 'a', port: 1 };
const b = { host: 'b', port: 2 };
const uuid = '5a6cf1b2-98d1-4e0b-9d7b-0d6f1f500002';

let ids = 0;
function plugin(config: object): ClusterUser {
  ids += 1;
  return { id: `id-${ids}`, name: 'kafka-upstream', instance_name: null, config };
}

describe('clusterNames', () => {
  const cases: readonly (readonly [title: string, configs: readonly object[], names: readonly string[]])[] = [
    ['the brokers, sorted, where no plugin names the cluster', [{ bootstrap_servers: [b, a] }], ['a:1,b:2']],
    [
      'the first name in sorting order, whichever plugin comes first',
      [
        { bootstrap_servers: [a], cluster_name: 'z' },
        { bootstrap_servers: [a], cluster_name: 'm' },
        { bootstrap_servers: [a] },
      ],
      ['m', 'm', 'm'],
    ],
    ['no generated name', [{ bootstrap_servers: [a], cluster_name: uuid }], ['a:1']],
    [
      'no name that filled an absent one',
      [{ bootstrap_servers: [a], cluster_name: uuid.replaceAll('-', '') }],
      ['a:1'],
    ],
    [
      'the user before the brokers',
      [{ bootstrap_servers: [a], authentication: { user: 'svc', password: 'p' } }],
      ['svc@a:1'],
    ],
    [
      'no user that is a reference',
      [{ bootstrap_servers: [a], authentication: { user: '{vault://env/U}', password: 'p' } }],
      ['a:1'],
    ],
    [
      'one name for plugins that differ in acks, topic and the order of the brokers',
      [
        { bootstrap_servers: [a, b], topic: 't', producer_request_acks: 1, cluster_name: 'c' },
        { bootstrap_servers: [b, a], topic: 'u', producer_request_acks: -1 },
      ],
      ['c', 'c'],
    ],
    [
      'absent settings for null and empty ones',
      [
        { bootstrap_servers: [a], cluster_name: 'c', authentication: { mechanism: null, oauthbearer: { scopes: [] } } },
        { bootstrap_servers: [a] },
      ],
      ['c', 'c'],
    ],
  ];
  for (const [title, configs, expected] of cases) {
    it(`takes ${title}`, () => {
      const plugins = configs.map(plugin);
      for (const order of [plugins, plugins.toReversed()]) {
        const names = clusterNames(order);
        expect(plugins.map(({ config }) => names.nameOf(config))).to.deep.equal(expected);
      }
    });
  }

  it('leaves plugins without brokers alone', () => {
    const names = clusterNames([plugin({ header: 'x' })]);
    expect(names.nameOf({ header: 'x' })).to.equal(undefined);
    expect(names.names).to.deep.equal([]);
  });

  it('warns of two names for one cluster', () => {
    const plugins = [
      plugin({ bootstrap_servers: [a], cluster_name: 'z' }),
      plugin({ bootstrap_servers: [a], cluster_name: 'm' }),
    ];
    const [warning, ...others] = clusterNames(plugins).warnings;
    expect(others).to.deep.equal([]);
    expect(warning).to.deep.include({ kind: 'several_names', names: ['m', 'z'] });
    expect(warning && clusterWarningText(warning)).to.match(
      /^one Kafka cluster has several names \('m', 'z'\); 'm' is/,
    );
  });

  it('warns of one name for two clusters', () => {
    const plugins = [
      plugin({ bootstrap_servers: [a], cluster_name: 'c' }),
      plugin({ bootstrap_servers: [b], cluster_name: 'c' }),
    ];
    const [warning, ...others] = clusterNames(plugins).warnings;
    expect(others).to.deep.equal([]);
    expect(warning).to.deep.include({ kind: 'shared_name', name: 'c' });
    expect(warning && clusterWarningText(warning)).to.match(/^Kafka clusters with different settings are called 'c': /);
  });

  it('says nothing where every cluster has one name', () => {
    const plugins = [plugin({ bootstrap_servers: [a], cluster_name: 'c' }), plugin({ bootstrap_servers: [b] })];
    expect(clusterNames(plugins).warnings).to.deep.equal([]);
  });
});
