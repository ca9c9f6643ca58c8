// A RosterMemory on disk: one empty file for the latest roster of each cluster, named CLUSTER.TERM.EPOCH.DIGEST. A note
// only adds a file and removes those of earlier rosters, so concurrent processes never lose the latest one.
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createDurably } from '../runtime/atomic-file.ts';
import { isLater, type RosterMemory, SavedRosterError, type SeenRoster } from './saved-roster.ts';

/** Files of one registry; that of the cluster noted longest ago is forgotten first. */
const SEEN_ROSTERS_MAX = 1_024;
const NAME = /^([0-9a-f]{40}|[0-9a-f]{64})\.([1-9]\d{0,15})\.([1-9]\d{0,15})\.([0-9a-f]{64})$/;

interface NamedRoster extends SeenRoster {
  readonly name: string;
  readonly clusterId: string;
}

/**
 * Remembers rosters of one registry in a directory, which is created when the first one is noted.
 *
 * @example
 * ```ts
 * const { roster } = await session.savedRoster('demo', new RosterFolder('seen-rosters'));
 * console.log(roster.term, roster.epoch);
 * ```
 */
export class RosterFolder implements RosterMemory {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async latest(_registryId: string, clusterId: string): Promise<SeenRoster | undefined> {
    const seen = (await this.#all()).filter((one) => one.clusterId === clusterId);
    const found = seen.reduce<NamedRoster | undefined>(
      (latest, one) => (latest && !isLater(one, latest) ? latest : one),
      undefined,
    );
    return found && { term: found.term, epoch: found.epoch, digest: found.digest };
  }

  async note(_registryId: string, clusterId: string, seen: SeenRoster): Promise<void> {
    const { term, epoch, digest } = seen;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await createDurably(this.#directory, `${clusterId}.${term}.${epoch}.${digest}`, '', 0o600);
      const all = await this.#all();
      const earlier = all.filter((one) => one.clusterId === clusterId && isLater(seen, one));
      await Promise.all(earlier.map(({ name }) => rm(join(this.#directory, name), { force: true })));
      if (all.length - earlier.length > SEEN_ROSTERS_MAX) await this.#forgetOldest();
    } catch (error) {
      throw unusable(this.#directory, error);
    }
  }

  async #all(): Promise<NamedRoster[]> {
    let names: string[];
    try {
      names = await readdir(this.#directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw unusable(this.#directory, error);
    }
    return names.flatMap((name) => {
      const [, clusterId, term, epoch, digest] = NAME.exec(name) ?? [];
      if (clusterId === undefined) return [];
      return [{ name, clusterId, term: Number(term), epoch: Number(epoch), digest: digest! }];
    });
  }

  async #forgetOldest(): Promise<void> {
    const dated = await Promise.all(
      (await this.#all()).map(async ({ name }) => {
        return { name, at: (await stat(join(this.#directory, name)).catch(() => undefined))?.mtimeMs ?? 0 };
      }),
    );
    dated.sort((one, other) => one.at - other.at);
    for (const { name } of dated.slice(0, -SEEN_ROSTERS_MAX)) await rm(join(this.#directory, name), { force: true });
  }
}

function unusable(directory: string, cause: unknown): SavedRosterError {
  if (cause instanceof SavedRosterError) return cause;
  const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
  return new SavedRosterError('memory', `${directory} cannot be used: ${code}`, { cause });
}
