import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { isLong } from '../helpers/kafka-clients.ts';
import { deliveryTimeoutMs, lateMs } from './rig.ts';
import type { Judgement } from './oracle.ts';

const reportFile = 'sluice-data/faults/report.json';

/** What one fault did to the requests of one client. */
export interface FaultRow {
  readonly fault: string;
  readonly client: string;
  readonly requests: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly wronglyWritten: number;
  readonly duplicates: number;
  readonly disordered: number;
  readonly longestAnswerMs: number;
  /** Without the lag of the harness. */
  readonly longestNodeMs: number;
  /** From the end of the fault to the first acked answer after the last failure, the longest of all rounds. */
  readonly recoveryMs: number | null;
}

const rows: FaultRow[] = [];

export function report(
  fault: string,
  client: string,
  judgement: Pick<
    Judgement,
    | 'requests'
    | 'outcomes'
    | 'lost'
    | 'wronglyWritten'
    | 'duplicates'
    | 'disordered'
    | 'longestAnswerMs'
    | 'longestNodeMs'
  >,
  recoveryMs: number | null,
): void {
  const { requests, outcomes, lost, wronglyWritten, duplicates, disordered } = judgement;
  const row: FaultRow = {
    fault,
    client,
    requests,
    outcomes,
    lost: lost.length,
    wronglyWritten: wronglyWritten.length,
    duplicates,
    disordered,
    longestAnswerMs: Math.round(judgement.longestAnswerMs),
    longestNodeMs: Math.round(judgement.longestNodeMs),
    recoveryMs: recoveryMs === null ? null : Math.round(recoveryMs),
  };
  rows.push(row);
  // The long form takes its time: what is known already is shown.
  if (isLong) console.log(`      ${JSON.stringify(row)}`);
}

/** @throws AssertionError where a promise of the outcome contract was broken. */
export function expectPromisesKept(judgement: Judgement): void {
  expect(judgement.lost, 'acked but not in the topic').to.deep.equal([]);
  expect(judgement.wronglyWritten, 'refused but in the topic').to.deep.equal([]);
  expect(judgement.disordered, 'order a key').to.equal(0);
  expect(judgement.longestNodeMs, 'answers in time').to.be.below(deliveryTimeoutMs + lateMs);
}

export function totalRequests(): number {
  return rows.reduce((sum, { requests }) => sum + requests, 0);
}

/** Prints the table; the long form also writes it to a file. */
export async function writeReport(): Promise<void> {
  if (rows.length === 0) return;
  const head = [
    'fault',
    'client',
    'requests',
    'lost',
    'wrong',
    'twice',
    'longest ms',
    'of the node',
    'recovery ms',
    'outcomes',
  ];
  const lines = rows.map((row) => [
    row.fault,
    row.client,
    String(row.requests),
    String(row.lost),
    String(row.wronglyWritten),
    String(row.duplicates),
    String(row.longestAnswerMs),
    String(row.longestNodeMs),
    String(row.recoveryMs ?? '-'),
    Object.entries(row.outcomes)
      .map(([outcome, count]) => `${outcome} ${count}`)
      .join(', '),
  ]);
  const table = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  for (const line of table) {
    console.log(`    ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  }
  console.log(`    ${totalRequests()} requests in all`);
  if (!isLong) return;
  await mkdir(dirname(reportFile), { recursive: true });
  await writeFile(reportFile, `${JSON.stringify({ requests: totalRequests(), rows }, undefined, 2)}\n`);
}
