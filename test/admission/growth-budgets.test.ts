// Growth budgets: the bound on what an address adds to the table, exact for one thread and for several at once.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { GrowthBudgets, growthLook, newGrowthMemory } from '../../src/admission/growth-budgets.ts';

const RATES = { registration: 20, cluster: 2, member: 1_000_000 };
const MODULE = new URL('../../dist/src/admission/growth-budgets.js', import.meta.url).href;

/** Tokens of a full budget. */
function drain(budgets: GrowthBudgets, entry: number, kind: keyof typeof RATES, now: number): number {
  let taken = 0;
  while (budgets.take(entry, kind, now)) taken += 1;
  return taken;
}

describe('a growth budget (R4)', () => {
  it('holds ten seconds of its rate, per kind and entry, and refills steadily', () => {
    const budgets = new GrowthBudgets(newGrowthMemory(4), RATES);
    expect(drain(budgets, 1, 'registration', 100)).toBe(200);
    expect(drain(budgets, 1, 'cluster', 100)).toBe(20);
    expect(drain(budgets, 2, 'registration', 100)).toBe(200);
    expect(drain(budgets, 1, 'registration', 101)).toBe(20);
    expect(drain(budgets, 1, 'registration', 1_000)).toBe(200);
  });

  it('takes back unused tokens, and never holds more than its burst', () => {
    const budgets = new GrowthBudgets(newGrowthMemory(4), RATES);
    for (let i = 0; i < 20; i++) budgets.take(1, 'cluster', 100);
    budgets.giveBack(1, 'cluster');
    expect(drain(budgets, 1, 'cluster', 100)).toBe(1);
    budgets.take(2, 'cluster', 100);
    for (let i = 0; i < 5; i++) budgets.giveBack(2, 'cluster');
    expect(drain(budgets, 2, 'cluster', 100)).toBe(20);
  });

  it('is full again after its time, for all kinds', () => {
    const memory = newGrowthMemory(4);
    const isFull = growthLook(memory);
    expect(isFull(1, 100)).toBe(true);
    new GrowthBudgets(memory, RATES).take(1, 'cluster', 100);
    expect(isFull(1, 100.4)).toBe(false);
    expect(isFull(1, 100.5)).toBe(true);
  });

  it('takes over other rates, and keeps debts', () => {
    const budgets = new GrowthBudgets(newGrowthMemory(4), RATES);
    expect(drain(budgets, 1, 'registration', 100)).toBe(200);
    budgets.setRates({ ...RATES, registration: 40, cluster: 1 });
    expect(drain(budgets, 1, 'registration', 100)).toBe(0);
    expect(drain(budgets, 1, 'registration', 101)).toBe(40);
    expect(drain(budgets, 2, 'registration', 100)).toBe(400);
    expect(drain(budgets, 1, 'cluster', 100)).toBe(10);
  });

  it('limits no exempt address', () => {
    const budgets = new GrowthBudgets(newGrowthMemory(4), RATES);
    for (let i = 0; i < 1_000; i++) expect(budgets.take(0, 'cluster', 100)).toBe(true);
    budgets.giveBack(0, 'cluster');
  });

  it('gives concurrent threads no more than it has', async () => {
    const memory = newGrowthMemory(4);
    const rates = { ...RATES, member: 10_000 };
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ GrowthBudgets }) => {
        const budgets = new GrowthBudgets(workerData.memory, workerData.rates);
        let taken = 0;
        for (let i = 0; i < 60_000; i++) {
          if (!budgets.take(1, 'member', 100)) continue;
          if (i % 3 === 0) budgets.giveBack(1, 'member');
          else taken += 1;
        }
        parentPort.postMessage(taken);
      });`;
    const workers = Array.from(
      { length: 3 },
      () => new Worker(code, { eval: true, execArgv: [], workerData: { module: MODULE, memory, rates } }),
    );
    const taken = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as number));
    const left = drain(new GrowthBudgets(memory, rates), 1, 'member', 100);
    expect(taken.reduce((sum, one) => sum + one, left)).toBe(100_000);
  });
});
