// Between stages 2 and 3, and 4 and 5: encodes commands and replies into the `responses` part of a worker channel's
// slot, and decodes them.
import { REFUSAL_TEXT, type Refusal } from '../errors.ts';
import type {
  BarrierView,
  ClusterProperties,
  ClusterRef,
  Command,
  CreateCommand,
  GetClusterCommand,
  RegisterCommand,
  Reply,
  RosterReply,
  RosterState,
} from '../registry/command.ts';
import { ByteReader, ByteWriter } from '../shared-memory/byte-codec.ts';
import { readClaim, readSpecs, readStates, writeClaim, writeSpecs, writeStates } from './token-codec.ts';

const COMMANDS = [
  'register',
  'find-client',
  'create',
  'join',
  'get-cluster',
  'confirm',
  'get-roster',
  'leave',
  'change-tokens',
] as const;
const REPLIES = [
  'registered',
  'client',
  'cluster',
  'roster',
  'refused',
  'marks',
  'waiting',
  'saved-roster',
  'tokens',
] as const;
/** Bits of a get-cluster command's flags. */
const [SEALED, KNOWN, WAITS, UNTIL_COMPLETE, RESUMED] = [1, 2, 4, 8, 16];
/** Bits of a register command's flags. */
const [EPHEMERAL, CERTIFIED, STATED] = [1, 2, 4];
/** Stands for an absent confirm time. */
const NO_CONFIRM_MS = 0xffff_ffff;
const REFUSALS = Object.keys(REFUSAL_TEXT) as Refusal[];

/** Writes the origin whose growth budget pays (0 for none), then the command. */
export function writeCommand(command: Command, slot: Buffer, origin = 0): void {
  const to = new ByteWriter(slot);
  to.word(origin);
  to.byte(COMMANDS.indexOf(command.kind));
  switch (command.kind) {
    case 'register':
      to.hex(command.clientId);
      to.text(command.name);
      to.hex(command.sigKeyDigest);
      to.byte(command.endPointCount);
      writeFlagsAndStatement(command, to);
      to.bytes(command.token);
      return;
    case 'find-client':
      to.hex(command.clientId);
      to.byte(command.sealed ? 1 : 0);
      return;
    case 'create':
      to.hex(command.clientId);
      to.text(command.name);
      writeProperties(command, to);
      writeSpecs(command.admits?.tokens ?? [], command.admits?.time ?? 0, to);
      return;
    case 'join':
      to.hex(command.clientId);
      writeRef(command.cluster, to);
      to.hex(command.round ?? '');
      writeClaim(command.claim, to);
      return;
    case 'confirm':
      to.hex(command.clientId);
      to.hex(command.clusterId);
      to.hex(command.round);
      return;
    case 'leave':
      to.hex(command.clientId);
      writeRef(command.cluster, to);
      return;
    case 'change-tokens':
      to.hex(command.clientId);
      writeRef(command.cluster, to);
      writeSpecs(command.add, command.time, to);
      to.byte(command.revoke.length);
      for (const hash of command.revoke) to.hex(hash);
      return;
    case 'get-cluster':
      to.hex(command.clientId);
      writeRef(command.cluster, to);
      to.long(command.which);
      to.hex(command.cursor?.clusterId ?? '');
      to.byte(command.cursor?.from ?? 0);
      to.word(command.rosterBytesMax);
      writeReading(command, to);
      to.hex(command.round ?? '');
      writeClaim(command.claim, to);
      return;
    case 'get-roster':
      to.hex(command.clientId);
      writeRef(command.cluster, to);
      writeClaim(command.claim, to);
      return;
  }
}

/** Writes how a reader of the sealed dialect asks; one byte for the others. */
function writeReading({ sealed, known, wait }: GetClusterCommand, to: ByteWriter): void {
  const waits = wait && WAITS | (wait.until === 'complete' ? UNTIL_COMPLETE : 0) | (wait.resumed ? RESUMED : 0);
  to.byte((sealed ? SEALED : 0) | (known ? KNOWN : 0) | (waits ?? 0));
  if (!known) return;
  to.long(BigInt(known.version));
  to.hex(known.history);
}

function readReading(from: ByteReader): Pick<GetClusterCommand, 'sealed' | 'known' | 'wait'> {
  const flags = from.byte();
  const has = (flag: number) => (flags & flag) !== 0;
  return {
    ...(has(SEALED) && { sealed: true }),
    ...(has(KNOWN) && { known: { version: Number(from.long()), history: from.hex() } }),
    ...(has(WAITS) && { wait: { until: has(UNTIL_COMPLETE) ? 'complete' : 'change', resumed: has(RESUMED) } }),
  };
}

function readAdmits(from: ByteReader): Pick<CreateCommand, 'admits'> {
  const { specs: tokens, time } = readSpecs(from);
  return tokens.length === 0 ? {} : { admits: { tokens, time } };
}

/** The statement's part follows the flags only if there is one. */
function writeFlagsAndStatement(command: RegisterCommand, to: ByteWriter): void {
  const { ephemeral, certified, seq, statementDigest, sealed } = command;
  const stated = seq !== undefined;
  to.byte((ephemeral ? EPHEMERAL : 0) | (certified ? CERTIFIED : 0) | (stated ? STATED : 0));
  if (!stated) return;
  to.long(BigInt(seq));
  to.hex(statementDigest!);
  to.bytes(sealed!);
}

function readFlagsAndStatement(
  from: ByteReader,
): Pick<RegisterCommand, 'ephemeral' | 'certified' | 'seq' | 'statementDigest' | 'sealed'> {
  const flags = from.byte();
  const read = { ephemeral: (flags & EPHEMERAL) !== 0, ...((flags & CERTIFIED) !== 0 && { certified: true }) };
  if ((flags & STATED) === 0) return read;
  const [seq, statementDigest] = [Number(from.long()), from.hex()];
  return { seq, statementDigest, sealed: Uint8Array.from(from.bytes()), ...read };
}

/** The origin whose growth budget pays for the slot's command. */
export function originOf(slot: Buffer): number {
  return slot.readUInt32LE(0);
}

/** Reads the slot's command as a copy. */
export function readCommand(slot: Buffer): Command {
  const from = new ByteReader(slot);
  from.word();
  const kind = COMMANDS[from.byte()]!;
  switch (kind) {
    case 'register':
      return {
        kind,
        clientId: from.hex(),
        name: from.text(),
        sigKeyDigest: from.hex(),
        endPointCount: from.byte(),
        ...readFlagsAndStatement(from),
        token: Uint8Array.from(from.bytes()),
      };
    case 'find-client':
      return { kind, clientId: from.hex(), ...(from.byte() === 1 && { sealed: true }) };
    case 'create':
      return { kind, clientId: from.hex(), name: from.text(), ...readProperties(from), ...readAdmits(from) };
    case 'join':
      return { kind, clientId: from.hex(), cluster: readRef(from), ...readRound(from), ...readClaim(from) };
    case 'confirm':
      return { kind, clientId: from.hex(), clusterId: from.hex(), round: from.hex() };
    case 'get-roster':
      return { kind, clientId: from.hex(), cluster: readRef(from), ...readClaim(from) };
    case 'leave':
      return { kind, clientId: from.hex(), cluster: readRef(from) };
    case 'change-tokens': {
      const [clientId, cluster, { specs: add, time }] = [from.hex(), readRef(from), readSpecs(from)];
      return { kind, clientId, cluster, add, revoke: Array.from({ length: from.byte() }, () => from.hex()), time };
    }
    case 'get-cluster': {
      const [clientId, cluster, which] = [from.hex(), readRef(from), from.long()];
      const cursor = { clusterId: from.hex(), from: from.byte() };
      return {
        kind,
        clientId,
        cluster,
        which,
        cursor: cursor.clusterId === '' ? undefined : cursor,
        rosterBytesMax: from.word(),
        ...readReading(from),
        ...readRound(from),
        ...readClaim(from),
      };
    }
  }
}

/** Writes a reply to a slot. */
export function writeReply(reply: Reply, slot: Buffer): void {
  const to = new ByteWriter(slot);
  to.byte(REPLIES.indexOf(reply.kind));
  switch (reply.kind) {
    case 'registered':
      return;
    case 'client':
      to.bytes(reply.token);
      return;
    case 'cluster':
      writeProperties(reply.cluster, to);
      to.hex(reply.round ?? '');
      return;
    case 'roster':
      writeProperties(reply.cluster, to);
      to.long(reply.which);
      to.byte(reply.next);
      writeState(reply.sealed, to);
      writeBarrier(reply.barrier, to);
      to.bytes(reply.roster);
      return;
    case 'waiting':
      to.hex(reply.clusterId);
      to.long(BigInt(reply.version));
      to.word(reply.atMostMs ?? 0);
      return;
    case 'saved-roster':
      to.hex(reply.clusterId);
      to.long(reply.which);
      to.bytes(reply.body);
      to.bytes(reply.roster);
      return;
    case 'refused':
      to.byte(REFUSALS.indexOf(reply.refusal));
      to.long(BigInt(reply.recordedSeq ?? 0));
      to.word(reply.retryAfterMs ?? 0);
      return;
    case 'tokens':
      writeProperties(reply.cluster, to);
      writeStates(reply.tokens, to);
      return;
    case 'marks':
      throw new Error('no worker asks for this reply');
  }
}

/** Reads the slot's reply. Its bytes are views of the slot. */
export function readReply(slot: Buffer): Reply {
  const from = new ByteReader(slot);
  const kind = REPLIES[from.byte()]!;
  switch (kind) {
    case 'registered':
      return { kind };
    case 'client':
      return { kind, token: from.bytes() };
    case 'cluster':
      return { kind, cluster: readProperties(from), ...readRound(from) };
    case 'roster':
      return {
        kind,
        cluster: readProperties(from),
        which: from.long(),
        next: from.byte(),
        ...readState(from),
        ...readBarrier(from),
        roster: from.bytes(),
      };
    case 'waiting': {
      const [clusterId, version, atMostMs] = [from.hex(), Number(from.long()), from.word()];
      return { kind, clusterId, version, ...(atMostMs > 0 && { atMostMs }) };
    }
    case 'saved-roster': {
      const [clusterId, which] = [from.hex(), from.long()];
      return { kind, clusterId, which, body: from.bytes(), roster: from.bytes() };
    }
    case 'refused': {
      const [refusal, recordedSeq] = [REFUSALS[from.byte()]!, Number(from.long())];
      const retryAfterMs = from.word();
      return { kind, refusal, ...(recordedSeq > 0 && { recordedSeq }), ...(retryAfterMs > 0 && { retryAfterMs }) };
    }
    case 'tokens':
      return { kind, cluster: readProperties(from), tokens: readStates(from) };
    case 'marks':
      throw new Error('no worker asks for this reply');
  }
}

function writeState(state: RosterState | undefined, to: ByteWriter): void {
  to.byte(state ? 1 : 0);
  if (!state) return;
  to.long(BigInt(state.version));
  to.hex(state.history);
  to.long(BigInt(state.epoch));
  to.long(state.emptied);
  to.bytes(state.rosterHash);
  to.byte(state.yourSeat);
}

function readState(from: ByteReader): Pick<RosterReply, 'sealed'> {
  if (from.byte() === 0) return {};
  const [version, history, epoch] = [Number(from.long()), from.hex(), Number(from.long())];
  const [emptied, rosterHash, yourSeat] = [from.long(), from.bytes(), from.byte()];
  return { sealed: { version, history, epoch, emptied, rosterHash, yourSeat } };
}

export function writeProperties(
  { id, size, endPointCount, attrs, confirmMs }: ClusterProperties,
  to: ByteWriter,
): void {
  to.hex(id);
  to.byte(size);
  to.byte(endPointCount);
  to.long(attrs);
  to.word(confirmMs ?? NO_CONFIRM_MS);
}

export function readProperties(from: ByteReader): ClusterProperties {
  const [id, size, endPointCount, attrs, confirmMs] = [from.hex(), from.byte(), from.byte(), from.long(), from.word()];
  const properties = { id, size, endPointCount, attrs };
  return confirmMs === NO_CONFIRM_MS ? properties : { confirmMs, ...properties };
}

function readRound(from: ByteReader): { readonly round?: string } {
  const round = from.hex();
  return round === '' ? {} : { round };
}

function writeBarrier(barrier: BarrierView | undefined, to: ByteWriter): void {
  to.byte(barrier ? 1 : 0);
  if (!barrier) return;
  to.long(BigInt(barrier.epoch));
  to.hex(barrier.round ?? '');
  to.long(barrier.confirmed);
}

function readBarrier(from: ByteReader): Pick<RosterReply, 'barrier'> {
  if (from.byte() === 0) return {};
  const [epoch, round, confirmed] = [Number(from.long()), from.hex(), from.long()];
  return { barrier: { epoch, round: round === '' ? undefined : round, confirmed } };
}

function writeRef(ref: ClusterRef, to: ByteWriter): void {
  to.hex('id' in ref ? ref.id : '');
  if ('name' in ref) to.text(ref.name);
}

/** An ID has at least one byte, so an empty ID means that a name follows. */
function readRef(from: ByteReader): ClusterRef {
  const id = from.hex();
  return id === '' ? { name: from.text() } : { id };
}
