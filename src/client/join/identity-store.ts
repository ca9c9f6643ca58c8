// Places where a member keeps its identity between runs: a member home, this process's memory, or the caller's own.
// Invariants: the keys are in the store before the member is presented to a registry. One user at a time: a home is
// locked for one process, any store for one user in this process.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { lockDirectory } from '../../lock/directory-lock.ts';
import { LockedError } from '../../lock/lock-files.ts';
import { untilAborted } from '../deadline.ts';
import { MemberHomeError } from '../errors.ts';
import { parseCluster, parseRegistry, textOfCluster } from '../home-memory.ts';
import { createMember, type Member, type MemberSpec } from '../member.ts';
import { describeMember, openMember, parseMember, pemOf, saveMember } from '../member-home.ts';
import { type ClusterMemory, type MemberMemory, ProcessMemory, type RegistryMemory } from '../memory.ts';
import { assertName } from './enter.ts';

/**
 * A place for a member's identity, such as a secret of an orchestrator. The text is opaque JSON, some 10 KB and at most
 * 200 KB in one cluster. It contains private keys: keep it from others.
 */
export interface IdentityStore {
  /** Resolves to the text of the last save(); to undefined if there is none. */
  load(): Promise<string | undefined>;
  /** Keeps the text; durable when this resolves. Called once at a time, also while a roster changes. */
  save(text: string): Promise<void>;
  /**
   * Keeps other processes out, until the returned function is called. Rejects if another process uses the store. Without
   * it a store is locked within this process only.
   */
  lock?(): Promise<() => void | Promise<void>>;
}

/** Keeps an identity until this process ends. The same object is the same member. */
export class MemoryStore implements IdentityStore {
  #text: string | undefined;

  async load(): Promise<string | undefined> {
    return this.#text;
  }

  async save(text: string): Promise<void> {
    this.#text = text;
  }
}

/** An identity in use. */
export interface OpenIdentity {
  readonly member: Member;
  /** Keeps what has changed of the member. */
  keep(member: Member): Promise<void>;
  /** Lets others use the store. Never rejects. */
  release(): Promise<void>;
}

/** Stores in use in this process. */
const inUse = new WeakSet<IdentityStore>();

/** The end of an attempt to open an identity, and of the lock on it. */
export interface OpenBounds {
  /** Ends the attempt with its reason; the store is not locked then. */
  readonly signal: AbortSignal;
  /** Called if another process has taken over the lock, as after a suspension of this one. */
  readonly onLost: (error: Error) => void;
}

/**
 * Opens the identity in a store and locks it; creates one if there is none. A string is the path of a member home.
 * Rejects with MemberHomeError: HOME_LOCKED, HOME_OF_ANOTHER_MEMBER or HOME_UNUSABLE.
 */
export async function openIdentity(
  store: string | IdentityStore,
  spec: MemberSpec,
  bounds: OpenBounds,
): Promise<OpenIdentity> {
  const identity = await (typeof store === 'string' ? openHome(store, spec, bounds) : openStore(store, spec, bounds));
  try {
    bounds.signal.throwIfAborted();
    assertName(identity.member, spec.name, typeof store === 'string' ? store : 'the identity store');
    return identity;
  } catch (error) {
    await identity.release();
    throw error;
  }
}

async function openHome(home: string, spec: MemberSpec, { signal, onLost }: OpenBounds): Promise<OpenIdentity> {
  const release = await lockWithin(signal, lockHome(home, onLost));
  try {
    const member = await openMember(home, spec);
    return { member, keep: keeperOf(home, member), release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Returns a function that saves the member of a home if it has changed. */
export function keeperOf(home: string, member: Member): (changed: Member) => Promise<void> {
  let kept = describeMember(member);
  return async (changed) => {
    if (isDeepStrictEqual(describeMember(changed), kept)) return;
    await saveMember(home, changed);
    kept = describeMember(changed);
  };
}

/** Awaits a lock. Rejects with the signal's reason if that comes first, and gives the lock back once it is taken. */
async function lockWithin(signal: AbortSignal, taken: Promise<(() => unknown) | undefined>) {
  const release = async () => void (await Promise.resolve((await taken)?.()).catch(() => {}));
  try {
    await untilAborted(taken, signal);
    return release;
  } catch (error) {
    release().catch(() => {});
    throw error;
  }
}

/** Windows has no lock: its files and sockets differ. */
async function lockHome(home: string, onLost: (error: Error) => void): Promise<(() => void) | undefined> {
  if (process.platform === 'win32') return undefined;
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    const lock = await lockDirectory(home, {
      onLost: (cause) => onLost(new MemberHomeError(cause.message, { code: 'HOME_LOCKED', retryable: true, cause })),
      onWaiting: () => {},
    });
    return () => lock.release();
  } catch (cause) {
    const { message, code = 'unknown error' } = cause as NodeJS.ErrnoException;
    if (!(cause instanceof LockedError)) throw new MemberHomeError(`${home} cannot be used: ${code}`, { cause });
    throw new MemberHomeError(message, { code: 'HOME_LOCKED', retryable: true, cause });
  }
}

async function openStore(store: IdentityStore, spec: MemberSpec, { signal }: OpenBounds): Promise<OpenIdentity> {
  if (inUse.has(store)) {
    throw new MemberHomeError('the identity store is in use in this process', { code: 'HOME_LOCKED', retryable: true });
  }
  inUse.add(store);
  let unlock: (() => Promise<void>) | undefined;
  const release = async () => {
    await unlock?.();
    inUse.delete(store);
  };
  try {
    unlock = await lockWithin(signal, lockStore(store));
    const text = await untilAborted(store.load(), signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new MemberHomeError('the identity store cannot be read', { cause });
    });
    const stored = new StoredIdentity(
      store,
      text === undefined ? { member: await createMember(spec) } : parseContents(text),
    );
    if (text === undefined) await stored.save();
    return { member: stored.member, keep: (member) => stored.keep(member), release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function lockStore(store: IdentityStore): Promise<(() => unknown) | undefined> {
  try {
    return await store.lock?.();
  } catch (cause) {
    const why = `the identity store is in use: ${(cause as Error).message}`;
    throw new MemberHomeError(why, { code: 'HOME_LOCKED', retryable: true, cause });
  }
}

/** A member and its memory, as a text has them. */
interface Contents {
  readonly member: Member;
  readonly registries?: Iterable<readonly [string, RegistryMemory]>;
  readonly clusters?: Iterable<readonly [string, ClusterMemory]>;
}

/** The identity in a store of texts; the member's memory, too. */
class StoredIdentity implements MemberMemory {
  readonly #store: IdentityStore;
  readonly #memory: ProcessMemory;
  #member: Member;
  /** True while the store has an older text. */
  #dirty = false;
  /** Settles after the last save. Never rejects. */
  #saved: Promise<unknown> = Promise.resolve();

  constructor(store: IdentityStore, { member, registries, clusters }: Contents) {
    this.#store = store;
    this.#memory = new ProcessMemory(registries, clusters);
    this.#member = { ...member, memory: this };
  }

  get member(): Member {
    return this.#member;
  }

  async keep(member: Member): Promise<void> {
    const isSame = isDeepStrictEqual(describeMember(member), describeMember(this.#member));
    this.#member = member;
    if (!isSame) await this.save();
  }

  registry(registryId: string): Promise<RegistryMemory> {
    return this.#memory.registry(registryId);
  }

  async changeRegistry(
    registryId: string,
    change: (before: RegistryMemory) => RegistryMemory | Promise<RegistryMemory>,
  ): Promise<RegistryMemory> {
    const before = await this.#memory.registry(registryId);
    const after = await this.#memory.changeRegistry(registryId, change);
    // A statement whose save failed is not sent; the next attempt finds it unchanged and saves it.
    if (after !== before || this.#dirty) await this.save();
    return after;
  }

  cluster(registryId: string, clusterId: string): Promise<ClusterMemory> {
    return this.#memory.cluster(registryId, clusterId);
  }

  async saveCluster(registryId: string, clusterId: string, memory: ClusterMemory): Promise<void> {
    await this.#memory.saveCluster(registryId, clusterId, memory);
    await this.save();
  }

  /** Saves the present text, behind the saves before. */
  save(): Promise<void> {
    this.#dirty = true;
    const saved = this.#saved.then(async () => {
      try {
        await this.#store.save(this.#text());
      } catch (cause) {
        throw new MemberHomeError('the identity store cannot be written', { cause });
      }
      this.#dirty = false;
    });
    this.#saved = saved.catch(() => {});
    return saved;
  }

  #text(): string {
    return textOfIdentity({ member: this.#member, ...this.#memory.entries() });
  }
}

/** The text of an identity, for parseContents(). It contains private keys. */
export function textOfIdentity({ member, registries = [], clusters = [] }: Contents): string {
  const { commsKey, sigKey, sealKey } = member;
  const texts = [...clusters].map(([key, memory]) => [key, textOfCluster(memory)] as const);
  return JSON.stringify({
    member: describeMember(member),
    keys: { comms: pemOf(commsKey), sig: pemOf(sigKey), ...(sealKey && { seal: pemOf(sealKey) }) },
    registries: Object.fromEntries(registries),
    clusters: Object.fromEntries(texts),
  });
}

/** Throws MemberHomeError, whose text shows nothing of the contents. */
function parseContents(text: string): Contents {
  try {
    const { member, keys, registries, clusters } = JSON.parse(text) as Record<string, Record<string, unknown>>;
    const key = (pem: unknown): KeyObject => createPrivateKey(String(pem));
    return {
      member: {
        ...parseMember('the identity store', JSON.stringify(member)),
        commsKey: key(keys!.comms),
        sigKey: key(keys!.sig),
        ...(keys!.seal !== undefined && { sealKey: key(keys!.seal) }),
      },
      registries: Object.entries(registries!).map(([id, memory]) => [id, parseRegistry(JSON.stringify(memory))]),
      clusters: Object.entries(clusters!).map(([id, memory]) => [id, parseCluster(String(memory))]),
    };
  } catch {
    throw new MemberHomeError('the identity store holds no identity: its text is damaged');
  }
}
