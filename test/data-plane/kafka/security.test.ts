import { compressionSuite } from './security/compression.ts';
import { loginSuite } from './security/logins.ts';
import { oauthSuite } from './security/oauth.ts';
import { processSuite } from './security/processes.ts';
import { type SecuredKafka, startSecuredKafka } from './security/secured-kafka.ts';
import { sessionSuite } from './security/sessions.ts';

describe('secured Kafka', function () {
  this.timeout(120_000);
  let kafka: SecuredKafka;
  before(async () => {
    kafka = await startSecuredKafka();
  });
  after(() => kafka.close());

  // One broker for all: it takes longer to start than a suite to run.
  loginSuite(() => kafka);
  oauthSuite(() => kafka);
  sessionSuite(() => kafka);
  compressionSuite(() => kafka);
  processSuite(() => kafka);
});
