import { servicesStatus, startServices, stopServices } from './services/services.ts';

/** `sluice services start|stop|status`. Resolves to the exit code. */
export async function servicesCommand(action: 'start' | 'stop' | 'status', directory: string): Promise<number> {
  const print = (line: string) => console.log(line);
  if (action === 'start') {
    const services = await startServices({ directory, onProgress: print });
    print(`Kafka     ${services.kafka}`);
    print(`Registry  ${services.registry}`);
    return 0;
  }
  if (action === 'stop') {
    print((await stopServices({ directory })) ? 'Stopped.' : 'Nothing was running.');
    return 0;
  }
  const { record, kafkaFault, registryFault } = await servicesStatus(directory);
  if (record === undefined) {
    print('Not started.');
    return 1;
  }
  print(`Kafka     ${record.kafka}  ${kafkaFault ?? 'answers'}`);
  print(`Registry  ${record.registry}  ${registryFault ?? 'answers'}`);
  print(`Started   ${record.startedAt} by ${record.kind}`);
  return kafkaFault === undefined && registryFault === undefined ? 0 : 1;
}
