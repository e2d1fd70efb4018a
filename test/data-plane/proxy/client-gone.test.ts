import { expect } from 'chai';
import { Producers } from '../../../data-plane/kafka/producers.ts';
import { kafkaUpstream } from '../../../data-plane/plugins/kafka-upstream/plugin.ts';
import type { OpenExchange } from '../../../data-plane/plugin-api/exchange.ts';
import { startListener } from '../../../data-plane/proxy/listener.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Closing } from '../../helpers/closing.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeKafkaClient } from '../kafka/fake-kafka-client.ts';
import { buildConfig } from '../plugins/kafka-upstream/build-config.ts';
import { Fakes } from '../plugins/kafka-upstream/plugin-fakes.ts';
import { RawClient } from './raw-http.ts';
import { pluginEntity, routeEntity, SpineFixture } from './spine-fixture.ts';

describe('a client that goes away while its record is queued', function () {
  this.timeout(20_000);
  const closing = new Closing();
  afterEach(() => closing.close());

  it('does not cancel the record, and is counted', async () => {
    const kafka = new FakeKafkaClient();
    kafka.topics.set('orders', 1);
    kafka.ready = false;
    const fixture = new SpineFixture();
    const producers = new Producers({
      kafkaClient: 'kafkajs',
      producerMemoryMaxBytes: 1_000_000,
      logger: silentLogger(),
      metrics: fixture.registry,
      createClient({ events }) {
        kafka.events = events;
        return kafka;
      },
    });
    closing.add(() => producers.close(0));
    fixture.behaviours.set('kafka', (deps) =>
      kafkaUpstream.create(buildConfig({ record_value: 'body' }), { ...new Fakes().deps(), ...deps, producers }),
    );
    await fixture.apply({ routes: [routeEntity()], plugins: [pluginEntity('publish', 'kafka')] });
    closing.add(() => fixture.holder.close());
    const seen: OpenExchange[] = [];
    const listener = await startListener({
      listen: { host: '127.0.0.1', port: 0 },
      handle(exchange) {
        seen.push(exchange);
        fixture.spine.handle(exchange);
      },
      bodyBytesMax: 1000,
      trustedIps: [],
      onRefused: () => undefined,
    });
    closing.add(async () => {
      const ended = listener.drain();
      listener.destroy();
      await ended;
    });

    const metricIs = (name: string, value: number) => async (): Promise<boolean> =>
      new RegExp(`^${name}(\\{.*\\})? ${value}$`, 'm').test(await fixture.registry.metrics());
    const client = await RawClient.open(listener.port);
    client.send('POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    await waitFor(metricIs('sluice_kafka_queue_records', 1), { what: 'the record is queued', pollMs: 5 });
    client.destroy();
    await waitFor(() => seen[0]?.clientGone === true, { what: 'the client is gone', pollMs: 5 });
    expect(kafka.sent).to.deep.equal([]);

    kafka.becomeReady();
    const sent = await waitFor(() => kafka.sent[0], { what: 'the record is sent', pollMs: 5 });
    expect(sent.values).to.deep.equal(['hello']);
    sent.ack();
    await waitFor(metricIs('sluice_http_clients_gone_total', 1), { what: 'the client is counted', pollMs: 5 });
    expect(await fixture.registry.metrics()).to.match(
      /^sluice_kafka_records_total\{.*topic="orders",outcome="acked"\} 1$/m,
    );
    expect(fixture.spine.inFlight()).to.equal(0);
  });
});
