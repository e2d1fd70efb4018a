import { createKafkajsClient } from '../../../data-plane/kafka/clients/kafkajs-client.ts';
import { createPlatformaticClient } from '../../../data-plane/kafka/clients/platformatic-client.ts';
import { kafkaClientContract } from '../../contracts/kafka-client-contract.ts';

kafkaClientContract('kafkajs', createKafkajsClient);
kafkaClientContract('@platformatic/kafka', createPlatformaticClient);
