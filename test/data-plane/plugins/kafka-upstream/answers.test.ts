import { expect } from 'chai';
import { compileAnswers } from '../../../../data-plane/plugins/kafka-upstream/answers.ts';
import type { FailedVerdict, Verdict } from '../../../../data-plane/kafka/producer-types.ts';
import type { Answer } from '../../../../data-plane/plugin-api/exchange.ts';
import { RequestError, type ErrorCode } from '../../../../shared/errors.ts';

const answerTo = compileAnswers({ topic: 'orders', returnErrorName: false });
const acked: Verdict = { outcome: 'acked', topic: 'orders', partition: 3, offset: '17' };
const requestId = (): string => 'r1';

function failed(code: ErrorCode, outcome: FailedVerdict['outcome'], topic = 'orders'): FailedVerdict {
  return { outcome, topic, code, message: 'a sentence', kafkaName: 'KAFKA_NAME' };
}

function jsonOf(body: Answer['body']): unknown {
  if (typeof body !== 'string') throw new Error('the body is not text');
  return JSON.parse(body);
}

function errorOf(work: () => unknown): RequestError {
  try {
    work();
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('answers', () => {
  it('name each record that was sent', () => {
    expect(answerTo([acked], requestId)).to.deep.include({
      status: 200,
      body: '{"message":"message sent","outcome":"acked","records":[{"topic":"orders","partition":3,"offset":"17"}]}',
    });
    expect(answerTo([{ outcome: 'accepted', topic: 'orders' }], requestId).body).to.equal(
      '{"message":"message sent","outcome":"accepted"}',
    );
  });

  const rows: [code: ErrorCode, outcome: FailedVerdict['outcome'], topic: string, expected: unknown[]][] = [
    ['TOPIC_AUTHORIZATION_FAILED', 'not_sent', 'orders', [502, 'not_sent', true]],
    ['TOPIC_NOT_FOUND', 'not_sent', 'orders', [502, 'not_sent', true]],
    ['TOPIC_AUTHORIZATION_FAILED', 'not_sent', 'named', [403, 'rejected', false]],
    ['TOPIC_NOT_FOUND', 'not_sent', 'named', [404, 'rejected', false]],
    ['RECORD_TOO_LARGE', 'rejected', 'orders', [413, 'rejected', false]],
    ['PRODUCER_OVERLOADED', 'not_sent', 'orders', [503, 'not_sent', true]],
    ['KAFKA_UNAVAILABLE', 'not_sent', 'orders', [503, 'not_sent', true]],
    ['NOT_ENOUGH_REPLICAS', 'not_sent', 'orders', [503, 'not_sent', true]],
    ['NOT_ENOUGH_REPLICAS', 'unknown', 'orders', [504, 'unknown', true]],
    ['KAFKA_UNAVAILABLE', 'unknown', 'orders', [504, 'unknown', true]],
    ['KEY_INVALID', 'rejected', 'orders', [400, 'rejected', false]],
    ['TOPIC_INVALID', 'rejected', 'named', [400, 'rejected', false]],
    ['DELIVERY_UNKNOWN', 'unknown', 'orders', [504, 'unknown', true]],
    ['SHUTTING_DOWN', 'not_sent', 'orders', [503, 'not_sent', true]],
    ['INTERNAL', 'unknown', 'orders', [500, 'unknown', true]],
  ];
  for (const [code, outcome, topic, expected] of rows) {
    it(`answer ${code}, ${outcome}, topic ${topic}`, () => {
      const error = errorOf(() => answerTo([failed(code, outcome, topic)], requestId));
      expect([error.status, error.outcome, error.retryable]).to.deep.equal(expected);
      expect([error.code, error.message]).to.deep.equal([code, 'a sentence']);
      expect(error.retryAfterSeconds).to.equal(error.status === 503 && code !== 'SHUTTING_DOWN' ? 1 : undefined);
    });
  }

  it('name the error of Kafka when asked to', () => {
    const named = compileAnswers({ topic: 'orders', returnErrorName: true });
    expect(errorOf(() => named([failed('KAFKA_UNAVAILABLE', 'not_sent')], requestId)).message).to.equal('KAFKA_NAME');
  });

  it('merge several records of one outcome', () => {
    const other: Verdict = { ...acked, topic: 'b' };
    expect(answerTo([acked, other], requestId).body).to.equal(
      '{"message":"message sent","outcome":"acked","records":[{"topic":"orders","partition":3,"offset":"17"},{"topic":"b","partition":3,"offset":"17"}]}',
    );
    const error = errorOf(() =>
      answerTo([failed('TOPIC_NOT_FOUND', 'not_sent'), failed('KAFKA_UNAVAILABLE', 'not_sent')], requestId),
    );
    expect([error.status, error.code]).to.deep.equal([503, 'KAFKA_UNAVAILABLE']);
  });

  it('merge several records of outcomes that are reported alike', () => {
    const tooLarge = failed('RECORD_TOO_LARGE', 'rejected');
    const noSuchTopic = failed('TOPIC_NOT_FOUND', 'not_sent', 'named');
    const alike = errorOf(() => answerTo([tooLarge, noSuchTopic], requestId));
    expect([alike.status, alike.outcome, alike.retryable]).to.deep.equal([413, 'rejected', false]);
    // Tried again it would fail for ever: the topic that the request named is not there.
    const mixed = answerTo([noSuchTopic, failed('KAFKA_UNAVAILABLE', 'not_sent')], requestId);
    expect(mixed.status).to.equal(500);
    expect(jsonOf(mixed.body)).to.deep.include({ code: 'PARTIAL', outcome: 'partial', retryable: false });
  });

  it('list several records of different outcomes', () => {
    const verdicts = [acked, failed('KAFKA_UNAVAILABLE', 'not_sent', 'b'), failed('DELIVERY_UNKNOWN', 'unknown', 'c')];
    const { status, headers, body } = answerTo(verdicts, requestId);
    expect(status).to.equal(500);
    expect(headers.map((text) => text.toLowerCase())).not.to.include('retry-after');
    expect(jsonOf(body)).to.deep.equal({
      message: 'Internal Server Error',
      error: 'The records of the request have different outcomes; see `records`.',
      code: 'PARTIAL',
      outcome: 'partial',
      retryable: false,
      request_id: 'r1',
      records: [
        acked,
        { topic: 'b', outcome: 'not_sent', code: 'KAFKA_UNAVAILABLE' },
        { topic: 'c', outcome: 'unknown', code: 'DELIVERY_UNKNOWN' },
      ],
    });
    const mixed = answerTo([acked, failed('TOPIC_NOT_FOUND', 'not_sent', 'b')], requestId);
    expect(mixed.status).to.equal(500);
    expect(jsonOf(mixed.body)).to.have.nested.property('records[1].outcome', 'rejected');
  });
});
