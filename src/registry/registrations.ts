// Registrations of the table: who may use an ID, from which dialect, and which statement counts. Part of stage 3 of the
// data path, sequential. Pure like the table.
//
// Invariants: an ID belongs to one SigKey until its registration is forgotten, except that the hash of a SigKey belongs
// to that key. The seq on record never falls.
import { MARKS_LIFTED_MAX } from '../limits.ts';
import { hasBarrier } from './barrier.ts';
import type { Client } from './client.ts';
import type {
  Change,
  ClientRecord,
  FindClientCommand,
  LiftMarksCommand,
  RefusedReply,
  RegisterCommand,
  Reply,
} from './command.ts';
import { raiseIfComplete } from './epoch.ts';
import { answer, type Outcome, refuse } from './outcome.ts';
import type { TableContents } from './table-contents.ts';
import type { TableLimits } from './time-to-live.ts';

export class Registrations {
  readonly #registryId: string;
  readonly #limits: TableLimits;
  readonly #contents: TableContents;

  constructor(registryId: string, limits: TableLimits, contents: TableContents) {
    this.#registryId = registryId;
    this.#limits = limits;
    this.#contents = contents;
  }

  /** Registers a client; `known` is the present holder of the ID. */
  register(command: RegisterCommand, known: Client | undefined, now: number): Outcome {
    const foreign = known !== undefined && known.record.sigKeyDigest !== command.sigKeyDigest;
    if (foreign ? !command.certified : !known && this.#isReserved(command.clientId)) return refuse('id-in-use');
    const holder = foreign ? undefined : known?.record;
    const refused = this.#refusalOf(command, holder);
    if (refused) return answer(refused);
    const reply: Reply = { kind: 'registered' };
    const record = nextRecord(command, holder);
    if (record === holder) return answer(reply);
    if (!known && this.#contents.clients.size >= this.#limits.clients) return refuse('registry-full');
    const unpaid = foreign ? this.#contents.pay('registration') : undefined;
    if (unpaid) return refuse(unpaid);
    return foreign ? this.#displace(known, record, reply, now) : this.#replace(known, record, reply, now);
  }

  /** Finds a client that returns by its ID. */
  find({ sealed }: FindClientCommand, client: Client | undefined): Outcome {
    if (!client) return refuse('client-unknown');
    const { record } = client;
    if (!sealed && (record.marked || this.#contents.isMarkedKey(record.sigKeyDigest))) return refuse('id-marked');
    // A statement is what such a client has to show for its record.
    if (sealed && !record.sealed) return refuse('client-unknown');
    return answer({ kind: 'client', token: record.token });
  }

  /** Lifts marks. The caller repeats the command until none is left. */
  liftMarks({ clientId }: LiftMarksCommand, now: number): Outcome {
    const contents = this.#contents;
    const lifted: { readonly before: ClientRecord; readonly stored: boolean; readonly after: ClientRecord }[] = [];
    for (const id of clientId === undefined ? contents.markedIds : [clientId]) {
      const client = contents.clients.get(id);
      if (!client?.record.marked) continue;
      const { record: before, stored } = client;
      lifted.push({ before, stored, after: copyOf(before, undefined) });
      if (lifted.length === MARKS_LIFTED_MAX) break;
    }
    if (clientId !== undefined && lifted.length === 0) return refuse('client-unknown');
    const changes = lifted.flatMap(({ after, stored }) => {
      contents.setClient(after, stored, now);
      return stored ? [after] : [];
    });
    return {
      reply: { kind: 'marks', lifted: lifted.length, left: contents.marked },
      changes,
      undo: () => {
        for (const { before, stored } of lifted) contents.setClient(before, stored, now);
      },
    };
  }

  /** True for an ID that no client may have. */
  #isReserved(clientId: string): boolean {
    return clientId === this.#registryId || /^0+$/.test(clientId) || this.#contents.clustersById.has(clientId);
  }

  /** Judges marks and statements; `holder` is the record of the same SigKey under this ID. */
  #refusalOf({ sigKeyDigest, seq, statementDigest }: RegisterCommand, holder: ClientRecord | undefined) {
    const refused = (refusal: RefusedReply['refusal'], recordedSeq?: number): RefusedReply => {
      return { kind: 'refused', refusal, recordedSeq };
    };
    if (seq === undefined) return this.#contents.isMarkedKey(sigKeyDigest) ? refused('id-marked') : undefined;
    if (holder?.seq === undefined || seq > holder.seq) return undefined;
    if (seq < holder.seq) return refused('statement-older', holder.seq);
    // After a registration in an old dialect, no statement is on record, only its seq.
    const differs = holder.statementDigest !== undefined && holder.statementDigest !== statementDigest;
    return differs ? refused('statement-differs') : undefined;
  }

  /** Stores a new client, or the new record of a known one. */
  #replace(known: Client | undefined, record: ClientRecord, reply: Reply, now: number): Outcome {
    const contents = this.#contents;
    const before = known && { record: known.record, stored: known.stored };
    const client = contents.setClient(record, known?.stored || !record.ephemeral, now);
    return {
      reply,
      changes: client.stored ? [record, ...seatsOf(client)] : [],
      ...(before ? { replaces: { before: before.record, after: record } } : { adds: 'registration' }),
      undo: () =>
        before ? contents.setClient(before.record, before.stored, now) : contents.deleteClient(record.clientId),
    };
  }

  /** Gives an ID to the key that it certifies. The former holder loses its seats in the same transaction. */
  #displace(holder: Client, record: ClientRecord, reply: Reply, now: number): Outcome {
    const contents = this.#contents;
    const { clientId } = record;
    const lost = holder.seats.map((cluster) => {
      const index = cluster.seatOf(clientId);
      const { createdAt, lastUse, roundState } = cluster;
      return { cluster, index, member: cluster.seats[index]!, createdAt, lastUse, roundState };
    });
    const restoreRounds: (() => void)[] = [];
    for (const { cluster, index } of lost) {
      contents.unseat(cluster, index, 'evicted');
      restoreRounds.push(contents.barriers.endRound(cluster));
      if (cluster.memberCount === 0) cluster.lastUse = now;
      cluster.createdAt = undefined;
    }
    contents.deleteClient(clientId);
    const stored = holder.stored || !record.ephemeral;
    contents.setClient(record, stored, now);
    const raised = lost.map(({ cluster }) => raiseIfComplete(cluster, contents.rosters));
    const removals = lost.flatMap(({ cluster, index, roundState }, place): Change[] => {
      const round = contents.uses && hasBarrier(cluster) ? { roundState } : undefined;
      const removal = { kind: 'member-removal', clusterId: cluster.record.id, index, clientId, ...round } as const;
      return [removal, ...raised[place]!.changes];
    });
    return {
      reply,
      changes: stored ? [...removals, { ...record, displaces: holder.record.sigKeyDigest }] : removals,
      displaced: { registration: holder.record, seats: lost.length },
      adds: 'registration',
      undo: () => {
        for (const epoch of raised) epoch.undo();
        contents.deleteClient(clientId);
        contents.putClient(holder);
        for (const { cluster, index, member, createdAt, lastUse } of lost.reverse()) {
          contents.seat(cluster.record.id, index, member, holder);
          cluster.createdAt = createdAt;
          cluster.lastUse = lastUse;
        }
        for (const restore of restoreRounds) restore();
      },
    };
  }
}

/** Seats keep the token they were taken with. Store it with them, or the store would read the client's new token. */
function seatsOf({ record, seats }: Client): Change[] {
  return seats.map((cluster) => cluster.memberRecord(cluster.seatOf(record.clientId)));
}

/** Returns the record after the registration; `holder` itself if it is the same. */
function nextRecord(command: RegisterCommand, holder: ClientRecord | undefined): ClientRecord {
  if (command.seq !== undefined) {
    // PSS is randomised: the same statement keeps the signature on record.
    const isSame = holder?.sealed && holder.statementDigest === command.statementDigest;
    if (isSame && holder.marked) return holder;
    return copyOf(isSame ? holder : command, true);
  }
  const isSame = holder && Buffer.compare(holder.token, command.token) === 0 && holder.ephemeral === command.ephemeral;
  if (isSame) return holder;
  // The seq stays, so that no older statement returns later.
  const { clientId, name, token, sigKeyDigest, endPointCount, ephemeral } = command;
  const record = { kind: 'client', clientId, name, token, sigKeyDigest, endPointCount, ephemeral } as const;
  return holder?.seq === undefined ? record : { seq: holder.seq, ...record };
}

/** Copies a record by its fields: one from a store has getters, which a spread would lose. */
function copyOf(record: ClientRecord | RegisterCommand, marked: true | undefined): ClientRecord {
  const { clientId, name, token, sealed, sigKeyDigest, endPointCount, ephemeral, seq, statementDigest } = record;
  return {
    kind: 'client',
    clientId,
    name,
    token,
    sealed,
    sigKeyDigest,
    endPointCount,
    ephemeral,
    seq,
    statementDigest,
    marked,
  };
}
