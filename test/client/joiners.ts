// Members that join by joinCluster() in tests. They share keys, because keys take time: see ClientRegistry.
import { randomBytes } from 'node:crypto';
import {
  type Cluster,
  type ClusterEvent,
  type JoinClusterOptions,
  joinCluster,
  MemoryStore,
} from '../../src/client/index.ts';
import { textOfIdentity } from '../../src/client/join/identity-store.ts';
import { newMember } from '../support/new-member.ts';

/** A key that is sealed is refused in the RSA dialects, so these have another one. */
const shared = ['sealed', 'old'].map((name) => newMember({ name, endPoints: [] }));

/** A store in memory with a new identity of this name. */
export async function newStore(name: string, dialect = 'sealed'): Promise<MemoryStore> {
  const keys = shared[dialect === 'sealed' ? 0 : 1]!;
  const store = new MemoryStore();
  await store.save(textOfIdentity({ member: { ...keys, name, id: randomBytes(32).toString('hex') } }));
  return store;
}

/** Long enough for a loaded machine; a test that waits for it to pass gives its own. */
const DEADLINE_MS = 50_000;

/** Joins clusters and closes them at the end of a test. */
export class Joiners {
  readonly #open = new Set<Cluster>();
  readonly #common: Partial<JoinClusterOptions>;

  /** `common` are options of every call. */
  constructor(common: Partial<JoinClusterOptions> = {}) {
    this.#common = common;
  }

  /** Joins with a new identity in memory unless `options` has a store. */
  async join(name: string, cluster: string, options: Partial<JoinClusterOptions> = {}): Promise<Cluster> {
    const given = { ...this.#common, ...options };
    const store = given.store ?? (await newStore(name, given.dialect));
    const joined = await joinCluster({
      ...{ name, cluster, endPoints: ['127.0.0.1:4001'], store, deadlineMs: DEADLINE_MS },
      ...(given as Pick<JoinClusterOptions, 'registry'>),
    });
    this.#open.add(joined);
    return joined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((cluster) => cluster.close()));
    this.#open.clear();
  }
}

/** Names of members, by index. */
export function namesIn(cluster: Cluster): string[] {
  return cluster.members().map(({ name }) => name);
}

/** An event in short: its type, and the name of its member if it has one. */
export function short(event: ClusterEvent): string {
  if ('member' in event) return `${event.type} ${event.member.name}`;
  return 'former' in event ? `${event.type} ${event.former.name}` : event.type;
}

/** Reads events until one of this type, or of this type and member's name, has come; returns all in short. */
export async function eventsUntil(events: AsyncGenerator<ClusterEvent>, last: string): Promise<string[]> {
  const seen: string[] = [];
  while (!seen.some((event) => event === last || event.split(' ')[0] === last)) {
    const { done, value } = await events.next();
    if (done) throw new Error(`the events ended before ${last}: ${seen.join(', ')}`);
    seen.push(short(value));
  }
  return seen;
}
