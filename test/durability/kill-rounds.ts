// Rounds of load and kill -9. Each round starts the server on the data of the last and lets clients journal the
// acknowledgements. Then it kills the server at a random moment and compares the table on disk with the journal.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FieldRegistry } from '../field/field-registry.ts';
import { until } from '../support/until.ts';
import { type DiskTable, inconsistencies, Journal, missingFrom, readDisk } from './journal.ts';
import { journalLoad, seededRandom } from './journal-load.ts';

/** The result of a run. */
export interface KillReport {
  readonly seed: number;
  readonly rounds: number;
  readonly acknowledgements: number;
  /** Broken promises, one line each; must be empty. */
  readonly broken: readonly string[];
}

const CLIENTS = 8;
/** The server is killed after at most so many acknowledgements of a round, and a moment later. */
const ROUND_ACKNOWLEDGEMENTS_MAX = 40;
const MOMENT_MS_MAX = 20;
const FREEZE_MS_MAX = 250;
/** One round in so many freezes and continues the server before the kill. */
const FREEZE_EVERY = 4;

/** Runs the rounds. The seed determines the moments of death; the state at each depends on the machine. */
export async function killRounds(rounds: number, seed: number, log?: (line: string) => void): Promise<KillReport> {
  const random = seededRandom(seed);
  const dataDir = await mkdtemp(join(tmpdir(), 'xlreg-kill-'));
  const journal = new Journal();
  const broken: string[] = [];
  let earlier: DiskTable | undefined;
  let done = 0;
  try {
    for (; done < rounds && broken.length === 0; done++) {
      const registry = await FieldRegistry.start({ args: ['--store', 'lmdb', '--workers', '2'], dataDir });
      const loads = Array.from({ length: CLIENTS }, (_, i) =>
        // Ends with its connection, as expected.
        journalLoad(registry, journal, `r${done}c${i}`, seededRandom(seed + done * CLIENTS + i)).catch(() => {}),
      );
      const enough = journal.count + Math.floor(random() * ROUND_ACKNOWLEDGEMENTS_MAX);
      await until(() => journal.count >= enough);
      await delay(random() * MOMENT_MS_MAX);
      if (done % FREEZE_EVERY === 0) await freeze(registry.process.pid, random() * FREEZE_MS_MAX);
      await registry.process.stop('SIGKILL');
      registry.closeClients();
      await Promise.all(loads);
      const disk = await readDisk(dataDir).catch((error: Error) => error);
      if (disk instanceof Error) broken.push(`round ${done}: ${disk.message}`);
      else {
        broken.push(...missingFrom(disk, journal), ...inconsistencies(disk, earlier));
        earlier = disk;
      }
      if (log && (done + 1) % 50 === 0) log(`${done + 1} rounds, ${journal.count} acknowledgements`);
    }
    return { seed, rounds: done, acknowledgements: journal.count, broken };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function freeze(pid: number, milliseconds: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await delay(milliseconds);
  process.kill(pid, 'SIGCONT');
  await delay(milliseconds);
}
