import { expect } from 'chai';
import { CallVerdicts } from '../../../../data-plane/proxy/grpc/call-verdicts.ts';
import type { Answer } from '../../../../data-plane/plugin-api/exchange.ts';
import type { Outcome } from '../../../../shared/errors.ts';

const statuses: Readonly<Record<Outcome, number>> = {
  acked: 200,
  accepted: 200,
  rejected: 400,
  not_sent: 503,
  unknown: 504,
  partial: 500,
};
const answerOf = (outcome: Outcome): Answer => ({
  status: statuses[outcome],
  headers: [],
  body: '',
  result: { outcome },
});

/** Verdicts by message, in the order in which they come; what the call is answered. */
const rows: readonly {
  readonly title: string;
  readonly verdicts: readonly (readonly [number: number, outcome: Outcome])[];
  readonly result: object;
  readonly status: number;
}[] = [
  { title: 'one message acked', verdicts: [[0, 'acked']], result: { outcome: 'acked' }, status: 200 },
  { title: 'one message refused', verdicts: [[0, 'rejected']], result: { outcome: 'rejected' }, status: 400 },
  {
    title: 'all acked, in any order',
    verdicts: [
      [2, 'acked'],
      [0, 'acked'],
      [1, 'acked'],
    ],
    result: { outcome: 'acked', acked: 3 },
    status: 200,
  },
  {
    title: 'accepted only',
    verdicts: [
      [0, 'accepted'],
      [1, 'accepted'],
    ],
    result: { outcome: 'accepted', accepted: 2 },
    status: 200,
  },
  {
    title: 'a failure with nothing written behind it',
    verdicts: [
      [0, 'acked'],
      [1, 'not_sent'],
      [2, 'not_sent'],
    ],
    result: { outcome: 'not_sent', acked: 1 },
    status: 503,
  },
  {
    title: 'the first failure counts, whichever comes first',
    verdicts: [
      [2, 'not_sent'],
      [1, 'rejected'],
      [0, 'acked'],
    ],
    result: { outcome: 'rejected', acked: 1 },
    status: 400,
  },
  {
    title: 'a message acked behind the failure',
    verdicts: [
      [0, 'acked'],
      [2, 'acked'],
      [1, 'not_sent'],
    ],
    result: { outcome: 'partial', acked: 1 },
    status: 503,
  },
  {
    title: 'a message behind the failure that may be written',
    verdicts: [
      [0, 'not_sent'],
      [1, 'unknown'],
    ],
    result: { outcome: 'partial', acked: 0 },
    status: 503,
  },
  {
    title: 'unknown, and more of it behind',
    verdicts: [
      [0, 'acked'],
      [1, 'unknown'],
      [2, 'unknown'],
    ],
    result: { outcome: 'unknown', acked: 1 },
    status: 504,
  },
];

describe('CallVerdicts', () => {
  for (const { title, verdicts, result, status } of rows) {
    it(title, () => {
      const call = new CallVerdicts();
      for (const [number, outcome] of verdicts) {
        expect(call.note(number, answerOf(outcome))).to.equal(statuses[outcome] === 200);
      }
      const answer = call.answer(verdicts.length);
      expect(answer.result).to.deep.equal(result);
      expect(answer.status).to.equal(status);
    });
  }

  it('a call that breaks off behind its messages', () => {
    const call = new CallVerdicts();
    call.note(0, answerOf('acked'));
    call.note(1, answerOf('rejected'));
    expect(call.answer(1).result).to.deep.equal({ outcome: 'rejected', acked: 1 });
  });
});
