import { expect } from 'chai';
import { ClusterNaming } from '../../../data-plane/runtime/cluster-naming.ts';
import { createLogger } from '../../../shared/log.ts';

const server = (host: string): object => ({ bootstrap_servers: [{ host, port: 9092 }] });
const named = (host: string, cluster_name: string): object => ({ ...server(host), cluster_name });

describe('names of clusters on a node', () => {
  let lines: string[];
  let naming: ClusterNaming;
  beforeEach(() => {
    lines = [];
    naming = new ClusterNaming(createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }));
  });

  it('are those of the configuration that is live, whatever plugin asks', () => {
    const mine = named('a', 'zebra');
    expect(naming.nameOf(mine)).to.equal('zebra');
    naming.use([
      { id: '1', config: mine },
      { id: '2', config: named('a', 'apple') },
      { id: '3', config: server('a') },
    ]);
    expect([mine, server('a'), server('b'), {}].map((config) => naming.nameOf(config))).to.deep.equal([
      'apple',
      'apple',
      'b:9092',
      undefined,
    ]);
    naming.use([{ id: '1', config: mine }]);
    expect(naming.nameOf(mine)).to.equal('zebra');
  });

  it('that an operator should mend are logged once and shown while they stand', () => {
    const both = [
      { id: '1', config: named('a', 'orders') },
      { id: '2', config: named('b', 'orders') },
    ];
    naming.use(both);
    naming.use(both);
    expect(naming.warnings()).to.have.length(1);
    expect(naming.warnings()[0]).to.match(/^Kafka clusters with different settings are called 'orders'/);
    expect(lines.filter((line) => line.includes('"event":"cluster_names"'))).to.have.length(1);
    naming.use(both.slice(1));
    expect(naming.warnings()).to.deep.equal([]);
    naming.use(both);
    expect(lines.filter((line) => line.includes('"event":"cluster_names"'))).to.have.length(2);
  });
});
