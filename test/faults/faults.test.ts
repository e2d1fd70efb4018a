import { expect } from 'chai';
import * as faults from './faults.ts';
import { absenceSuite } from './absence-suite.ts';
import { batchSuite } from './batch-suite.ts';
import { liesSuite } from './lies-suite.ts';
import { madeAgainSuite } from './made-again-suite.ts';
import { nodeEndedSuite } from './node-ended-suite.ts';
import { totalRequests, writeReport } from './report.ts';
import { isLong } from '../helpers/kafka-clients.ts';
import { type Rig, startRig } from './rig.ts';
import { type Fault, runFault } from './run-fault.ts';
import { randomSchedule, scheduleSeed } from './schedules.ts';
import { wireRuleSuite } from './wire-rule-suite.ts';

const requestsMin = 200_000;
const schedules = isLong ? 4 : 1;
const always: readonly Fault[] = [
  faults.killedWithDemands,
  faults.asleep(),
  faults.leadersMoved,
  faults.requestsCut,
  faults.topicsLost,
  faults.killedUnderCalls,
];
/** In the short form the random schedule draws from these. */
const longOnly: readonly Fault[] = [
  faults.cut,
  faults.stalled,
  faults.slow,
  faults.killed,
  faults.allKilled,
  faults.restarted,
];

describe('numbered requests through faults', function () {
  this.timeout(isLong ? 900_000 : 240_000);
  let rig: Rig;

  before(async () => {
    rig = await startRig();
  });
  after(async () => {
    await rig?.close();
    await writeReport();
  });

  for (const fault of isLong ? [...always, ...longOnly] : always) {
    it(`keeps every promise: ${fault.name}`, () => runFault(rig, fault));
  }

  const seed = scheduleSeed();
  for (let index = 0; index < schedules; index += 1) {
    it(`keeps every promise: random schedule ${seed + index}`, () => runFault(rig, randomSchedule(seed + index)));
  }

  madeAgainSuite(() => rig);
  absenceSuite(() => rig);
  nodeEndedSuite(() => rig);
  wireRuleSuite(() => rig);
  liesSuite(() => rig);
  batchSuite(() => rig);

  if (isLong) {
    it(`has seen ${requestsMin} requests`, () => {
      expect(totalRequests()).to.be.at.least(requestsMin);
    });
  }
});
