// The memory of a member home, as files beside its keys. Several processes may use one home at once.
//
//   HOME/
//     sealed-REGISTRY.N.json     0600, RegistryMemory. N counts changes: the process that creates file N makes change N,
//                                all others read it and start over. Older files are removed.
//     seen-REGISTRY-CLUSTER.json 0600, ClusterMemory. The last writer wins; what it lost is learned again.
//
// REGISTRY is the first 16 digits of the ID: a home serves one registry as a rule.
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createDurably, writeSharedDurably } from '../runtime/atomic-file.ts';
import { MemberHomeError } from './errors.ts';
import {
  type ClusterMemory,
  type MemberMemory,
  NO_CLUSTER,
  NO_REGISTRY,
  type RegistryMemory,
  SEEN_CLUSTERS_MAX,
  type SeenMember,
  type SignedStatement,
} from './memory.ts';

const MODE = 0o600;
const REGISTRY_DIGITS = 16;
/** Changes that other processes may make before this one. */
const ATTEMPTS_MAX = 100;

export class HomeMemory implements MemberMemory {
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
  }

  async registry(registryId: string): Promise<RegistryMemory> {
    return (await this.#latest(registryId)).memory;
  }

  async changeRegistry(
    registryId: string,
    change: (before: RegistryMemory) => RegistryMemory | Promise<RegistryMemory>,
  ): Promise<RegistryMemory> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { number, memory } = await this.#latest(registryId);
      const after = await change(memory);
      if (after === memory) return after;
      if (await this.#create(registryId, number + 1, after)) return after;
    }
    throw new MemberHomeError(`${this.#home} is changed by too many processes at once`);
  }

  async cluster(registryId: string, clusterId: string): Promise<ClusterMemory> {
    const path = join(this.#home, seenFile(registryId, clusterId));
    const text = await this.#read(path);
    if (text === undefined) return NO_CLUSTER;
    try {
      return parseCluster(text);
    } catch {
      throw new MemberHomeError(`${path} is damaged: remove it to forget the members of that cluster`);
    }
  }

  async saveCluster(registryId: string, clusterId: string, memory: ClusterMemory): Promise<void> {
    const name = seenFile(registryId, clusterId);
    const text = textOfCluster(memory);
    try {
      await writeSharedDurably(this.#home, name, text, MODE);
      await this.#forgetOldClusters(registryId);
    } catch (error) {
      throw homeError(join(this.#home, name), error);
    }
  }

  /** Returns the last change and its number; number 0 if there is none. */
  async #latest(registryId: string): Promise<{ readonly number: number; readonly memory: RegistryMemory }> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const number = Math.max(0, ...(await this.#numbers(registryId)));
      if (number === 0) return { number, memory: NO_REGISTRY };
      const path = join(this.#home, sealedFile(registryId, number));
      const text = await this.#read(path);
      // Another process has removed the file after a later change.
      if (text === undefined) continue;
      try {
        return { number, memory: parseRegistry(text) };
      } catch {
        throw new MemberHomeError(`${path} is damaged: remove it, and the next statement takes its seq from the clock`);
      }
    }
    throw new MemberHomeError(`${this.#home} is changed by too many processes at once`);
  }

  /** Makes change `number`. Returns false if another process was first. */
  async #create(registryId: string, number: number, memory: RegistryMemory): Promise<boolean> {
    const name = sealedFile(registryId, number);
    try {
      if (!(await createDurably(this.#home, name, `${JSON.stringify(memory, undefined, 2)}\n`, MODE))) return false;
      // A slow process may create a file that others have made, superseded and removed meanwhile. The later one stays.
      const numbers = await this.#numbers(registryId);
      const superseded = numbers.some((other) => other > number);
      const outdated = superseded ? [number] : numbers.filter((other) => other < number);
      await Promise.all(outdated.map((other) => rm(join(this.#home, sealedFile(registryId, other)), { force: true })));
      return !superseded;
    } catch (error) {
      throw homeError(join(this.#home, name), error);
    }
  }

  async #numbers(registryId: string): Promise<number[]> {
    const start = sealedStart(registryId);
    return (await this.#files(start)).flatMap((name) => {
      const number = /^(\d{1,15})\.json$/.exec(name.slice(start.length))?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  }

  async #forgetOldClusters(registryId: string): Promise<void> {
    const names = await this.#files(seenStart(registryId));
    if (names.length <= SEEN_CLUSTERS_MAX) return;
    const dated = await Promise.all(
      names.map(async (name) => ({
        name,
        at: (await stat(join(this.#home, name)).catch(() => undefined))?.mtimeMs ?? 0,
      })),
    );
    dated.sort((one, other) => one.at - other.at);
    for (const { name } of dated.slice(0, -SEEN_CLUSTERS_MAX)) await rm(join(this.#home, name), { force: true });
  }

  async #files(start: string): Promise<string[]> {
    try {
      return (await readdir(this.#home)).filter((name) => name.startsWith(start) && name.endsWith('.json'));
    } catch (error) {
      throw homeError(this.#home, error);
    }
  }

  async #read(path: string): Promise<string | undefined> {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw homeError(path, error);
    }
  }
}

function sealedStart(registryId: string): string {
  return `sealed-${registryId.slice(0, REGISTRY_DIGITS)}.`;
}

function sealedFile(registryId: string, number: number): string {
  return `${sealedStart(registryId)}${number}.json`;
}

function seenStart(registryId: string): string {
  return `seen-${registryId.slice(0, REGISTRY_DIGITS)}-`;
}

function seenFile(registryId: string, clusterId: string): string {
  return `${seenStart(registryId)}${clusterId}.json`;
}

function homeError(path: string, cause: unknown): MemberHomeError {
  if (cause instanceof MemberHomeError) return cause;
  const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
  return new MemberHomeError(`${path} cannot be used: ${code}`, { cause });
}

/** Reads JSON of a RegistryMemory. Throws an Error. */
export function parseRegistry(text: string): RegistryMemory {
  const { sigKey, sealed, signed } = JSON.parse(text) as Record<string, unknown>;
  if (sigKey !== undefined && typeof sigKey !== 'string') throw new Error('sigKey');
  if (typeof sealed !== 'boolean' || !Array.isArray(signed)) throw new Error('sealed');
  return { sigKey, sealed, signed: signed.map(parseSigned) };
}

function parseSigned(value: unknown): SignedStatement {
  const { seq, digest, signature } = value as Record<string, unknown>;
  if (typeof digest !== 'string' || typeof signature !== 'string') throw new Error('signed');
  return { seq: parseSeq(seq), digest, signature };
}

/** JSON of a ClusterMemory, for parseCluster(). */
export function textOfCluster({ acknowledged, seen, term, restored }: ClusterMemory): string {
  const fields = { acknowledged, seen: Object.fromEntries(seen), term, restored: [...(restored ?? [])] };
  return `${JSON.stringify(fields)}\n`;
}

/** Throws an Error. */
export function parseCluster(text: string): ClusterMemory {
  const { acknowledged, seen, term, restored = [] } = JSON.parse(text) as Record<string, unknown> & { seen: object };
  if (!Array.isArray(restored) || restored.some((id) => typeof id !== 'string')) throw new Error('restored');
  const members = Object.entries(seen).map(([id, member]) => [id, parseSeen(member)] as const);
  return {
    ...{ acknowledged: parseSeq(acknowledged), seen: new Map(members), restored: new Set<string>(restored) },
    term: term === undefined ? undefined : parseSeq(term),
  };
}

function parseSeen(value: unknown): SeenMember {
  const { seq, digest, sigKey } = value as Record<string, unknown>;
  if (typeof digest !== 'string' || typeof sigKey !== 'string') throw new Error('seen');
  return { seq: parseSeq(seq), digest, sigKey };
}

function parseSeq(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Error('seq');
  return value;
}
