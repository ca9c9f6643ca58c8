// The memory of a member, in IndexedDB: keys that cannot leave the browser, its statements, and what it has seen of
// others. All values are per registry: another registry knows nothing of them.
import type { Bytes } from './bytes.ts';

/** A member's keys. The private halves are not extractable. */
export interface MemberKeys {
  /** Signs. */
  readonly sig: CryptoKeyPair;
  /** Encrypts. */
  readonly comms: CryptoKeyPair;
}

/** The last statement at a registry. */
export interface OwnStatement {
  readonly seq: bigint;
  /** S without its seq, so that a change is noticed. */
  readonly content: string;
  readonly statement: Bytes;
}

/** The newest statement seen of a member. */
export interface SeenMember {
  readonly seq: bigint;
  /** Hex of SHA-256(S). */
  readonly digest: string;
  /** Hex of SHA-256 of its SigKey. */
  readonly sigKey: string;
}

/** Statements seen in one cluster. */
export interface SeenCluster {
  /** The own seq that the last JoinReply acknowledged; 0 before the first. */
  readonly acknowledged: bigint;
  /** By ID in hex, the one changed longest ago first. */
  readonly seen: ReadonlyMap<string, SeenMember>;
}

/** Persistence of one member. An implementation resolves when the value is stored. */
export interface MemberStore {
  /** Returns a value; undefined if there is none. */
  get(key: string): Promise<unknown>;
  /** Stores a value that a structured clone can copy. */
  set(key: string, value: unknown): Promise<void>;
}

/**
 * Keeps nothing: for a visitor, and for tests.
 *
 * @example
 * ```ts
 * const visitor = await openMember({ name: 'visitor' }, new TransientStore());
 * ```
 */
export class TransientStore implements MemberStore {
  readonly #values = new Map<string, unknown>();

  async get(key: string): Promise<unknown> {
    return this.#values.get(key);
  }

  async set(key: string, value: unknown): Promise<void> {
    this.#values.set(key, value);
  }
}

const TABLE = 'member';

/**
 * Keeps the member in the database of this name, of the page's origin.
 *
 * @example
 * ```ts
 * const store = await IndexedDbStore.open('xlreg');
 * const alice = await openMember({ name: 'alice' }, store);
 * ```
 */
export class IndexedDbStore implements MemberStore {
  readonly #database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.#database = database;
  }

  /** Opens the database, and creates it if it is missing. */
  static async open(name: string): Promise<IndexedDbStore> {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE);
    return new IndexedDbStore(await settled(opening));
  }

  async get(key: string): Promise<unknown> {
    return await settled(this.#database.transaction(TABLE).objectStore(TABLE).get(key));
  }

  async set(key: string, value: unknown): Promise<void> {
    const transaction = this.#database.transaction(TABLE, 'readwrite', { durability: 'strict' });
    transaction.objectStore(TABLE).put(value, key);
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  }

  /** Closes the database. Later calls reject. */
  close(): void {
    this.#database.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
