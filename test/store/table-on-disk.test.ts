// A coordinator over the LMDB store, closed or killed at any moment and opened again, against the plain model (E6, T9).

import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
import type { TableLimits } from '../../src/registry/time-to-live.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { TABLE_DIRECTORY } from '../../src/store/lmdb/open-table.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { history, limits, REGISTRY_ID, wait } from '../registry/arbitrary-commands.ts';
import { glanceAt, glanceSlowly, observeSlowly, observeTable, unbuffered } from '../registry/observe.ts';
import { applySlowly, expireSlowly, restartSlowly, type SlowTable, slowTable } from '../registry/slow-table.ts';
import { dataFile } from './raw-table.ts';

/** A server's table from its opening to its closing. */
class Opened {
  readonly table: ClusterTable;
  readonly coordinator: Coordinator;
  readonly #store: LmdbStore;

  private constructor(directory: string, limits: TableLimits, clock: () => number) {
    const never = (what: unknown) => {
      throw new Error(`the store reported trouble: ${what}`);
    };
    this.table = new ClusterTable(REGISTRY_ID, limits, clock());
    this.#store = LmdbStore.open(directory, { registryId: REGISTRY_ID, bytesMax: undefined });
    const observer = {
      batch() {},
      filled() {},
      replaced() {},
      displaced() {},
      expired() {},
      full: never,
      unreachable: never,
      answerable: never,
      broken: never,
    };
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

/** The model's replies to a batch. */
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

/** LMDB's two meta pages. The newer one, written last, defines the committed data. */
const META_BYTES = 2 * 4096;

function readMetaPages(directory: string): Buffer {
  const pages = Buffer.alloc(META_BYTES);
  const file = openSync(dataFile(directory), 'r');
  expect(readSync(file, pages, 0, META_BYTES, 0)).toBe(META_BYTES);
  closeSync(file);
  return pages;
}

/**
 * The directory that a process leaves when it is killed now. With the meta pages of before a batch, it is that of a
 * process killed between writing the batch and committing it.
 */
function killedNow(directory: string, metaPages?: Buffer): string {
  const left = mkdtempSync(join(tmpdir(), 'xlreg-table-'));
  mkdirSync(join(left, TABLE_DIRECTORY));
  copyFileSync(dataFile(directory), dataFile(left));
  if (metaPages) {
    const file = openSync(dataFile(left), 'r+');
    writeSync(file, metaPages, 0, META_BYTES, 0);
    closeSync(file);
  }
  return left;
}

/** Steps: a batch of this many commands after a wait, and then perhaps a sweep, a restart or a kill. */
const turns = fc.array(
  fc.record({
    commands: fc.integer({ min: 1, max: 8 }),
    wait,
    next: fc.constantFrom('batch', 'batch', 'batch', 'sweep', 'restart', 'kill', 'kill in the commit'),
  }),
  { minLength: 40, maxLength: 40 },
);

it('equals the model through any batches, restarts and kills (E6, T9)', async () => {
  await fc.assert(
    fc.asyncProperty(limits, history, turns, async (limits, commands, turns) => {
      let directory = mkdtempSync(join(tmpdir(), 'xlreg-table-'));
      const directories = [directory];
      const killed = async (metaPages?: Buffer) => {
        const left = killedNow(directory, metaPages);
        directories.push(left);
        await opened.close();
        directory = left;
        opened = await Opened.open(directory, limits, () => now);
        slow = restartSlowly(slow, now);
      };
      let now = 0;
      let slow = slowTable(REGISTRY_ID, limits);
      let opened = await Opened.open(directory, limits, () => now);
      try {
        for (let at = 0, turn = 0; at < commands.length; turn++) {
          const { commands: count, wait, next } = turns[turn]!;
          const batch = commands.slice(at, at + count);
          at += count;
          now += wait;
          const metaPages = readMetaPages(directory);
          const [expected, after] = askSlowly(slow, batch, now);
          expect((await opened.coordinator.ask(batch)).map(unbuffered)).toEqual(expected);
          if (next === 'kill in the commit') {
            await killed(metaPages);
            expect(glanceAt(opened.table)).toEqual(glanceSlowly(slow));
            continue;
          }
          slow = after;
          if (next === 'kill') await killed();
          else if (next === 'sweep') {
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
        for (const directory of directories) rmSync(directory, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
});
