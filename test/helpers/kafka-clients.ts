/** The long form of the suite, `npm run test:faults`. */
export const isLong = process.env['SLUICE_TEST_FAULTS'] === 'long';

export const clients = ['kafkajs', 'platformatic'] as const;
export type ClientName = (typeof clients)[number];

/**
 * The clients with which tests of the producer, not of a client, run: the second one only in the long form. What holds
 * for each client is in test/data-plane/kafka/kafka-clients.test.ts and in the tests of security, which run with both.
 */
export const testedClients: readonly ClientName[] = isLong ? clients : ['kafkajs'];
