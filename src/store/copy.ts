// A table from one store into another, whatever they are, and the proof that both hold the same. Memory: the records of all
// clients as their store gives them, and some 250 bytes for each record, about what a server needs for the same table.
import { createHash } from 'node:crypto';
import type { ClientRecord, ClusterRecord, MemberRecord } from '../registry/command.ts';
import { type Store, StoreUnusableError } from './store.ts';

/** A copy came to nothing; the message says at what. */
export class CopyError extends Error {
  override readonly name = 'CopyError';
}

/** Called after each piece with the records done so far. Throws to end the work. */
type Progress = (records: number) => void;

/** A record without reference to another. */
type WholeRecord = ClientRecord | ClusterRecord | MemberRecord;

/** Changes of one commit. */
const BATCH_RECORDS = 1_024;
/** Nobody waits for an answer: what a busy etcd may take for one. */
const COMMIT_MS = 30_000;
/** Records named of those that differ. */
const NAMED_MAX = 3;

/** What a store holds, as far as two of them are compared: a digest of each record under its key. */
export class Survey {
  readonly #digests = new Map<string, string>();
  readonly #counts = { client: 0, cluster: 0, member: 0 };

  /** Reads a store from end to end. Throws StoreUnusableError, also where a key is there twice. */
  static async of(store: Store, progress: Progress): Promise<Survey> {
    const survey = new Survey();
    for await (const records of wholeRecords(store)) {
      for (const record of records) survey.#add(record);
      progress(survey.records);
    }
    return survey;
  }

  get records(): number {
    return this.#digests.size;
  }

  get clients(): number {
    return this.#counts.client;
  }

  get clusters(): number {
    return this.#counts.cluster;
  }

  get members(): number {
    return this.#counts.member;
  }

  /** SHA-256 over all records in the order of their keys, hex: the same for the same table in any store. */
  get digest(): string {
    const whole = createHash('sha256');
    for (const key of [...this.#digests.keys()].sort()) whole.update(this.#digests.get(key)!, 'latin1');
    return whole.digest('hex');
  }

  /** Throws CopyError with some of the keys unless the other store holds just the same. */
  assertSame(copy: Survey): void {
    const differing: string[] = [];
    const note = (what: string, key: string) => {
      if (differing.length < NAMED_MAX) differing.push(`${what} ${key}`);
    };
    for (const [key, digest] of this.#digests) {
      const found = copy.#digests.get(key);
      if (found !== digest) note(found === undefined ? 'missing is' : 'different is', key);
    }
    for (const key of copy.#digests.keys()) if (!this.#digests.has(key)) note('too much is', key);
    if (differing.length > 0) throw new CopyError(`the copy is not the same: ${differing.join(', ')}`);
  }

  #add(record: WholeRecord): void {
    const key = keyOf(record);
    if (this.#digests.has(key)) throw new StoreUnusableError(`the ${key} is stored twice`);
    this.#digests.set(key, digestOf(record));
    this.#counts[record.kind] += 1;
  }
}

/** Writes every record of one store into another that holds none. Throws CopyError where something stands in the way. */
export async function copyRecords(from: Store, to: Store, progress: Progress): Promise<void> {
  let batch: WholeRecord[] = [];
  let copied = 0;
  const flush = async () => {
    const state = await to.catchUp?.();
    if (state && state.freshness !== 'current') throw new CopyError(state.reason);
    const outcomes = await to.commit(batch, COMMIT_MS);
    const lost = outcomes.findIndex(({ kind }) => kind === 'conflict');
    if (lost >= 0) throw new CopyError(`the ${keyOf(batch[lost]!)} cannot be stored: another stands there`);
    copied += batch.length;
    batch = [];
    progress(copied);
  };
  for await (const records of wholeRecords(from)) {
    for (const record of records) {
      batch.push(record);
      if (batch.length >= BATCH_RECORDS) await flush();
    }
  }
  if (batch.length > 0) await flush();
}

/** What a store gives, with the registration of its client in each seat that has none of its own. */
async function* wholeRecords(store: Store): AsyncGenerator<readonly WholeRecord[]> {
  const clients = new Map<string, ClientRecord>();
  for await (const records of store.load()) {
    yield records.map((record): WholeRecord => {
      if (record.kind === 'client') clients.set(record.clientId, record);
      if (record.kind !== 'seat') return record;
      const client = clients.get(record.clientId);
      if (client === undefined) throw new StoreUnusableError(`the client ${record.clientId} of a seat is not stored`);
      return { ...record, kind: 'member', token: client.token };
    });
  }
}

function keyOf(record: WholeRecord): string {
  switch (record.kind) {
    case 'client':
      return `client ${record.clientId}`;
    case 'cluster':
      return `cluster ${record.name}`;
    case 'member':
      return `member ${record.clusterId} ${record.index}`;
  }
}

/** Over every field; 32 bytes as text, which takes least memory. */
function digestOf(record: WholeRecord): string {
  const hash = createHash('sha256').update(JSON.stringify([keyOf(record), ...fieldsOf(record)]));
  if (record.kind !== 'cluster') hash.update(record.token);
  return hash.digest('binary');
}

function fieldsOf(record: WholeRecord): readonly unknown[] {
  switch (record.kind) {
    case 'client':
      return [record.name, record.sigKeyDigest, record.endPointCount, record.ephemeral];
    case 'cluster':
      return [record.id, record.size, record.endPointCount, String(record.attrs), record.keep === true];
    case 'member':
      return [record.clientId, record.name];
  }
}
