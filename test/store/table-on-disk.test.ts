// A coordinator over the store on LMDB, closed and opened again at any moment between two batches, against the obvious table
// (E6, T9).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import { ClusterTable, type TableLimits } from '../../src/registry/cluster-table.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
import { LmdbStore } from '../../src/store/lmdb-store.ts';
import { verifyStore } from '../../src/store/verify-store.ts';
import { history, limits, REGISTRY_ID, wait } from '../registry/arbitrary-commands.ts';
import { glanceAt, glanceSlowly, observeSlowly, observeTable, unbuffered } from '../registry/observe.ts';
import { applySlowly, expireSlowly, restartSlowly, type SlowTable, slowTable } from '../registry/slow-table.ts';

/** A server's table from its opening to its closing. */
class Opened {
  readonly table: ClusterTable;
  readonly coordinator: Coordinator;
  readonly #store: LmdbStore;

  private constructor(directory: string, limits: TableLimits, clock: () => number) {
    const never = (what: unknown) => {
      throw new Error(`the store is in trouble: ${what}`);
    };
    this.table = new ClusterTable(REGISTRY_ID, limits, clock());
    this.#store = LmdbStore.open(directory, { registryId: REGISTRY_ID, bytesMax: undefined });
    const observer = { batch() {}, expired() {}, full: never, broken: never };
    this.coordinator = new Coordinator(this.table, this.#store, observer, clock);
  }

  static async open(directory: string, limits: TableLimits, clock: () => number): Promise<Opened> {
    const opened = new Opened(directory, limits, clock);
    await opened.coordinator.load();
    return opened;
  }

  async close(): Promise<void> {
    await this.coordinator.settled();
    await this.#store.close();
  }
}

/** Replies of the obvious table to a batch. */
function askSlowly(table: SlowTable, commands: readonly Command[], now: number): [Reply[], SlowTable] {
  const replies: Reply[] = [];
  let after = table;
  for (const command of commands) {
    const outcome = applySlowly(after, command, now);
    replies.push(outcome.reply);
    after = outcome.table;
  }
  return [replies, after];
}

/** What happens in turn: batches of so many commands, after a wait, and then perhaps a sweep or a restart. */
const turns = fc.array(
  fc.record({
    commands: fc.integer({ min: 1, max: 8 }),
    wait,
    next: fc.constantFrom('batch', 'batch', 'sweep', 'restart'),
  }),
  { minLength: 40, maxLength: 40 },
);

it('E6, T9: whatever happens and however often it is restarted, it is the obvious table', async () => {
  await fc.assert(
    fc.asyncProperty(limits, history, turns, async (limits, commands, turns) => {
      const directory = mkdtempSync(join(tmpdir(), 'xlreg-table-'));
      let now = 0;
      let slow = slowTable(REGISTRY_ID, limits);
      let opened = await Opened.open(directory, limits, () => now);
      try {
        for (let at = 0, turn = 0; at < commands.length; turn++) {
          const { commands: count, wait, next } = turns[turn]!;
          const batch = commands.slice(at, at + count);
          at += count;
          now += wait;
          const [expected, after] = askSlowly(slow, batch, now);
          expect((await opened.coordinator.ask(batch)).map(unbuffered)).toEqual(expected);
          slow = after;
          if (next === 'sweep') {
            opened.coordinator.sweep();
            await opened.coordinator.settled();
            slow = expireSlowly(slow, now).table;
          } else if (next === 'restart') {
            await opened.close();
            opened = await Opened.open(directory, limits, () => now);
            slow = restartSlowly(slow, now);
          }
          expect(glanceAt(opened.table)).toEqual(glanceSlowly(slow));
        }
        await opened.close();
        const restarted = restartSlowly(slow, now);
        expect(await verifyStore(directory)).toEqual(glanceSlowly(restarted).counts);
        opened = await Opened.open(directory, limits, () => now);
        expect(observeTable(opened.table)).toEqual(observeSlowly(restarted));
      } finally {
        await opened.close();
        rmSync(directory, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
});
