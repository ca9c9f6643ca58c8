// Copies a table from one store into another of any kind, and compares the two. Memory: all client records plus some
// 250 bytes a record, about what a server needs for the same table.
import { createHash } from 'node:crypto';
import type { ClientRecord, ClusterRecord, EntryRecord, MemberRecord } from '../registry/command.ts';
import { type Store, StoreUnusableError } from './store.ts';
import { memberOf } from './stored-record.ts';

/** The copy failed; the message says at which record. */
export class CopyError extends Error {
  override readonly name = 'CopyError';
}

/** Called after each piece with the number of records done. It may throw, which aborts the copy. */
type Progress = (records: number) => void;

/** A record that stands for itself: a seat has its token. */
type WholeRecord = ClientRecord | ClusterRecord | MemberRecord | EntryRecord;

/** Records in one commit. */
const BATCH_RECORDS = 1_024;
const NOTHING = new Uint8Array(0);
/** Time limit of one commit. No client waits, so a busy etcd may take this long. */
const COMMIT_MS = 30_000;
/** Differing records that the error names at most. */
const NAMED_MAX = 3;

/** A store's contents for comparison: a digest of each record by its key. */
export class Survey {
  readonly #digests = new Map<string, string>();
  readonly #counts = { client: 0, cluster: 0, member: 0, entry: 0 };

  /** Reads a whole store. Rejects with StoreUnusableError, also if a key occurs twice. */
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

  /** SHA-256 over all records in the order of their keys, in hex. Equal tables have equal digests in any two stores. */
  get digest(): string {
    const whole = createHash('sha256');
    for (const key of [...this.#digests.keys()].sort()) whole.update(this.#digests.get(key)!, 'latin1');
    return whole.digest('hex');
  }

  /** Throws CopyError, with some of the keys, unless `copy` has exactly the same records. */
  assertSame(copy: Survey): void {
    const differing: string[] = [];
    const note = (what: string, key: string) => {
      if (differing.length < NAMED_MAX) differing.push(`${what} ${key}`);
    };
    for (const [key, digest] of this.#digests) {
      const found = copy.#digests.get(key);
      if (found !== digest) note(found === undefined ? 'missing' : 'different', key);
    }
    for (const key of copy.#digests.keys()) if (!this.#digests.has(key)) note('extra', key);
    if (differing.length > 0) throw new CopyError(`the copy differs: ${differing.join(', ')}`);
  }

  #add(record: WholeRecord): void {
    const key = keyOf(record);
    if (this.#digests.has(key)) throw new StoreUnusableError(`the ${key} is stored twice`);
    this.#digests.set(key, digestOf(record));
    this.#counts[record.kind] += 1;
  }
}

/** Writes every record of one store into another, empty one. Rejects with CopyError if a record conflicts. */
export async function copyRecords(from: Store, to: Store, progress: Progress): Promise<void> {
  let batch: WholeRecord[] = [];
  let copied = 0;
  const flush = async () => {
    const state = await to.catchUp?.();
    if (state && state.freshness !== 'current') throw new CopyError(state.reason);
    const outcomes = await to.commit(batch, COMMIT_MS);
    const conflict = outcomes.findIndex(({ kind }) => kind === 'conflict');
    if (conflict >= 0) throw new CopyError(`the target has another ${keyOf(batch[conflict]!)} already`);
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

/** The records of a store; a seat without a token gets that of its client. */
async function* wholeRecords(store: Store): AsyncGenerator<readonly WholeRecord[]> {
  const clients = new Map<string, ClientRecord>();
  for await (const records of store.load()) {
    yield records.map((record): WholeRecord => {
      if (record.kind === 'client') clients.set(record.clientId, record);
      if (record.kind !== 'seat') return record;
      const client = clients.get(record.clientId);
      if (client === undefined) throw new StoreUnusableError(`the client ${record.clientId} of a seat is not stored`);
      return memberOf(record, client);
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
    case 'entry':
      return `entry ${record.clusterId} ${record.key}`;
  }
}

/** SHA-256 over every field, as a one-byte-per-character string, which takes the least memory. */
function digestOf(record: WholeRecord): string {
  const hash = createHash('sha256').update(JSON.stringify([keyOf(record), ...fieldsOf(record)]));
  if (record.kind === 'entry') hash.update(record.value);
  else if (record.kind !== 'cluster') hash.update(record.token).update(record.sealed ?? NOTHING);
  return hash.digest('binary');
}

function fieldsOf(record: WholeRecord): readonly unknown[] {
  switch (record.kind) {
    case 'client':
      return [
        ...[record.name, record.sigKeyDigest, record.endPointCount, record.ephemeral],
        ...(record.seq === undefined ? [] : [record.seq, record.statementDigest ?? '', record.marked === true]),
      ];
    case 'cluster':
      return [
        ...[record.id, record.size, record.endPointCount, String(record.attrs), record.keep === true],
        ...(record.confirmMs || record.owner ? [record.confirmMs ?? 0, record.owner ?? ''] : []),
      ];
    case 'member':
      return [record.clientId, record.name];
    case 'entry':
      return [];
  }
}
