// A small file system to fill up: a file mounted over a loop device. Needs root.

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DISK_BYTES = 48 * 2 ** 20;

/** A small mounted disk. */
export class SmallDisk {
  /** An empty directory on the disk. */
  readonly directory: string;
  readonly #at: string;
  readonly #mountPoint: string;

  private constructor(at: string, mountPoint: string) {
    this.#at = at;
    this.#mountPoint = mountPoint;
    this.directory = join(mountPoint, 'data');
    mkdirSync(this.directory, { mode: 0o700 });
  }

  /** Mounts a disk. Returns undefined and logs the reason if that is not possible. */
  static make(): SmallDisk | undefined {
    const at = mkdtempSync(join(tmpdir(), 'xlreg-disk-'));
    const [image, mountPoint] = [join(at, 'image'), join(at, 'mounted')];
    mkdirSync(mountPoint);
    try {
      execFileSync('truncate', ['-s', String(DISK_BYTES), image], { stdio: 'pipe' });
      execFileSync('mkfs.ext4', ['-q', image], { stdio: 'pipe' });
      execFileSync('mount', ['-o', 'loop', image, mountPoint], { stdio: 'pipe' });
      return new SmallDisk(at, mountPoint);
    } catch (error) {
      console.log(`SKIPPED, a small disk cannot be mounted here: ${(error as Error).message.trim()}`);
      rmSync(at, { recursive: true });
      return undefined;
    }
  }

  /** Fills the disk. */
  fill(): void {
    const file = openSync(join(this.#mountPoint, 'filler'), 'w');
    const megabyte = Buffer.alloc(2 ** 20, 1);
    const { bavail, bsize } = statfsSync(this.#mountPoint);
    try {
      for (let left = bavail * bsize; left > 0; left -= megabyte.length) writeSync(file, megabyte);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Frees the space that `fill` took. */
  free(): void {
    rmSync(join(this.#mountPoint, 'filler'));
  }

  remove(): void {
    execFileSync('umount', [this.#mountPoint]);
    rmSync(this.#at, { recursive: true });
  }
}
