import { expect } from 'chai';
import * as faults from './faults.ts';
import { totalRequests, writeReport } from './report.ts';
import { type Rig, isLong, startRig } from './rig.ts';
import { type Fault, runFault } from './run-fault.ts';

const requestsMin = 200_000;
const always: readonly Fault[] = [
  faults.killed(),
  faults.asleep(),
  faults.leadersMoved,
  faults.cut,
  faults.stalled,
  faults.slow,
  faults.requestsCut,
  faults.notEnoughReplicas,
  faults.deleted,
  faults.revoked,
];
const longOnly: readonly Fault[] = [faults.allKilled, faults.restarted];

describe('numbered requests through faults', function () {
  this.timeout(isLong ? 900_000 : 120_000);
  let rig: Rig;

  before(async () => {
    rig = await startRig();
  });
  after(async () => {
    await rig.close();
    await writeReport();
  });

  for (const fault of isLong ? [...always, ...longOnly] : always) {
    it(`keeps every promise: ${fault.name}`, () => runFault(rig, fault));
  }

  if (isLong) {
    it(`has seen ${requestsMin} requests`, () => {
      expect(totalRequests()).to.be.at.least(requestsMin);
    });
  }
});
