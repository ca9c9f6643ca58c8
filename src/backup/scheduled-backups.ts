// Backups on a schedule. The first one's time follows the age of the last good one, so a restart neither repeats nor
// delays it. A failed attempt is repeated with growing pauses. Invariant: one attempt at a time.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BackupFolder, type GoodBackup, sizeOf } from './backup-folder.ts';
import { copyIdentity, syncFile, TABLE_DIRECTORY, TABLE_FILE } from './registry-files.ts';
import { verifyInProcess } from './verify-process.ts';

/** Milliseconds before a failed attempt is repeated. They double with each failure, up to the maximum. */
const RETRY_MS = 60_000;
const RETRY_MS_MAX = 3_600_000;
/** The longest wait of one timer; the limit of setTimeout is 24 days. */
const TIMER_MS_MAX = 86_400_000;

/** Settings of a schedule. */
export interface BackupPlan {
  readonly folder: BackupFolder;
  /** Milliseconds from the begin of one backup to that of the next. */
  readonly everyMs: number;
  /** Good backups to keep. */
  readonly keep: number;
  readonly dataDirectory: string;
  /** Copies the table to a directory that does not exist. */
  copyTable(directory: string): Promise<void>;
}

/** Receives the results, for metrics and the log. */
export interface BackupObserver {
  /** The last good backup at the start; undefined if there is none. */
  found(last: GoodBackup | undefined): void;
  made(backup: GoodBackup, bytes: number, seconds: number): void;
  /** `retryMs` is the pause before the next attempt. */
  failed(error: Error, retryMs: number): void;
  /** Backups beyond `keep` stay, because they hold files that no backup has, or cannot be removed. */
  notPruned(reason: string): void;
}

export class ScheduledBackups {
  readonly #plan: BackupPlan;
  readonly #observer: BackupObserver;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  /** Starts the schedule. */
  constructor(plan: BackupPlan, observer: BackupObserver) {
    this.#plan = plan;
    this.#observer = observer;
    this.#running = this.#run();
  }

  /** Stops the schedule. A copy in work ends first, because the store cannot cancel it, and is dropped. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { folder, everyMs } = this.#plan;
    const last = await folder.good().then(
      (backups) => backups[0],
      () => undefined,
    );
    this.#observer.found(last);
    // A clock that was set back must not delay the next backup by more than one interval.
    await this.#wait(last === undefined ? 0 : Math.min(everyMs, last.time.getTime() + everyMs - Date.now()));
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const began = performance.now();
      try {
        await this.#make();
        failures = 0;
        await this.#wait(everyMs - (performance.now() - began));
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const retryMs = Math.min(everyMs, RETRY_MS * 2 ** failures, RETRY_MS_MAX);
        failures += 1;
        this.#observer.failed(error as Error, retryMs);
        await this.#wait(retryMs);
      }
    }
  }

  async #make(): Promise<void> {
    const { folder, dataDirectory, keep, copyTable } = this.#plan;
    const began = performance.now();
    folder.assertOutside();
    await folder.removeLeftovers();
    const copy = await folder.begin(new Date());
    let made: GoodBackup;
    try {
      await copyTable(join(copy, TABLE_DIRECTORY));
      await syncFile(join(copy, TABLE_DIRECTORY, TABLE_FILE));
      await copyIdentity(dataDirectory, copy);
      await verifyInProcess(copy, this.#stop.signal);
      made = await folder.finish(copy);
    } catch (error) {
      await rm(copy, { recursive: true, force: true }).catch(() => {});
      throw error;
    }
    this.#observer.made(made, await sizeOf(made.path), (performance.now() - began) / 1000);
    await this.#prune(keep);
  }

  /** The backup is good even if older ones stay. */
  async #prune(keep: number): Promise<void> {
    try {
      for (const path of await this.#plan.folder.prune(keep)) {
        this.#observer.notPruned(`${path} has files that no backup has`);
      }
    } catch (error) {
      this.#observer.notPruned((error as Error).message);
    }
  }

  /** Resolves after the time, or when the schedule stops. */
  async #wait(milliseconds: number): Promise<void> {
    const { signal } = this.#stop;
    const until = performance.now() + milliseconds;
    while (!signal.aborted && performance.now() < until) {
      const pause = Math.min(until - performance.now(), TIMER_MS_MAX);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, Math.max(0, pause));
        signal.addEventListener('abort', done, { once: true });
        function done() {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        }
      });
    }
  }
}
