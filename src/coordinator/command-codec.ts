// Between stages 2 and 3, and 4 and 5: encodes commands and replies into the `responses` part of a worker channel's
// slot, and decodes them.
import { REFUSAL_TEXT, type Refusal } from '../errors.ts';
import type {
  AdmissionClaim,
  ClusterProperties,
  ClusterRef,
  Command,
  CreateCommand,
  RegisterCommand,
  Reply,
  TokenSpec,
  TokenState,
} from '../registry/command.ts';
import { ByteReader, ByteWriter } from '../shared-memory/byte-codec.ts';

const COMMANDS = ['register', 'find-client', 'create', 'join', 'get-cluster', 'leave', 'change-tokens'] as const;
const REPLIES = ['registered', 'client', 'cluster', 'roster', 'refused', 'marks', 'tokens'] as const;
/** Bits of a register command's flags. */
const [EPHEMERAL, CERTIFIED, STATED] = [1, 2, 4];
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
      writeClaim(command.claim, to);
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
      to.byte(command.sealed ? 1 : 0);
      writeClaim(command.claim, to);
      return;
  }
}

function readAdmits(from: ByteReader): Pick<CreateCommand, 'admits'> {
  const { specs: tokens, time } = readSpecs(from);
  return tokens.length === 0 ? {} : { admits: { tokens, time } };
}

/** Bits of a claim. */
const [CLAIMED, WITH_TOKEN] = [1, 2];

function writeClaim(claim: AdmissionClaim | undefined, to: ByteWriter): void {
  to.byte((claim ? CLAIMED : 0) | (claim?.token === undefined ? 0 : WITH_TOKEN));
  if (!claim) return;
  to.long(BigInt(claim.time));
  if (claim.token !== undefined) to.hex(claim.token);
}

function readClaim(from: ByteReader): { readonly claim?: AdmissionClaim } {
  const flags = from.byte();
  if ((flags & CLAIMED) === 0) return {};
  const time = Number(from.long());
  return { claim: { time, ...((flags & WITH_TOKEN) !== 0 && { token: from.hex() }) } };
}

/** Bits of a join token. */
const [REPLACE, OBSERVER] = [1, 2];

/** No token has 0 uses, so that stands for the default. */
function writeSpecs(specs: readonly TokenSpec[], time: number, to: ByteWriter): void {
  to.byte(specs.length);
  to.long(BigInt(time));
  for (const spec of specs) writeSpec(spec, spec.ttlMs, to);
}

function writeSpec(spec: Omit<TokenSpec, 'ttlMs'>, ttlMs: number, to: ByteWriter): void {
  to.hex(spec.hash);
  to.word(spec.uses ?? 0);
  to.long(BigInt(ttlMs));
  to.byte((spec.replace ? REPLACE : 0) | (spec.observer ? OBSERVER : 0));
  to.text(spec.forName ?? '');
}

function readSpecs(from: ByteReader): { readonly specs: readonly TokenSpec[]; readonly time: number } {
  const [count, time] = [from.byte(), Number(from.long())];
  return { specs: Array.from({ length: count }, () => readSpec(from)), time };
}

function readSpec(from: ByteReader): TokenSpec {
  const [hash, uses, ttlMs, flags, forName] = [from.hex(), from.word(), Number(from.long()), from.byte(), from.text()];
  return {
    ...{ hash, ttlMs },
    ...(uses > 0 && { uses }),
    ...((flags & REPLACE) !== 0 && { replace: true as const }),
    ...((flags & OBSERVER) !== 0 && { observer: true as const }),
    ...(forName !== '' && { forName }),
  };
}

/** Milliseconds left of a token that does not expire. */
const NO_TTL = 2 ** 53 - 1;

function writeStates(tokens: readonly TokenState[], to: ByteWriter): void {
  to.word(tokens.length);
  for (const token of tokens) {
    writeSpec(token, token.ttlMs ?? NO_TTL, to);
    to.word(token.left);
  }
}

function readStates(from: ByteReader): TokenState[] {
  return Array.from({ length: from.word() }, () => {
    const { ttlMs, uses = 0, ...spec } = readSpec(from);
    return { ...spec, uses, left: from.word(), ...(ttlMs !== NO_TTL && { ttlMs }) };
  });
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

function readFlagsAndStatement(from: ByteReader): Pick<RegisterCommand, 'ephemeral' | 'certified'> {
  const flags = from.byte();
  const read = { ephemeral: (flags & EPHEMERAL) !== 0, ...((flags & CERTIFIED) !== 0 && { certified: true }) };
  if ((flags & STATED) === 0) return read;
  const [seq, statementDigest] = [Number(from.long()), from.hex()];
  return { ...read, ...{ seq, statementDigest, sealed: Uint8Array.from(from.bytes()) } };
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
        ...(from.byte() === 1 && { sealed: true }),
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
      return;
    case 'roster':
      writeProperties(reply.cluster, to);
      to.long(reply.which);
      to.byte(reply.next);
      to.bytes(reply.roster);
      return;
    case 'refused':
      to.byte(REFUSALS.indexOf(reply.refusal));
      to.long(BigInt(reply.recordedSeq ?? 0));
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
      return { kind, cluster: readProperties(from) };
    case 'roster':
      return { kind, cluster: readProperties(from), which: from.long(), next: from.byte(), roster: from.bytes() };
    case 'refused': {
      const [refusal, recordedSeq] = [REFUSALS[from.byte()]!, Number(from.long())];
      return { kind, refusal, ...(recordedSeq > 0 && { recordedSeq }) };
    }
    case 'tokens':
      return { kind, cluster: readProperties(from), tokens: readStates(from) };
    case 'marks':
      throw new Error('no worker asks for this reply');
  }
}

export function writeProperties({ id, size, endPointCount, attrs }: ClusterProperties, to: ByteWriter): void {
  to.hex(id);
  to.byte(size);
  to.byte(endPointCount);
  to.long(attrs);
}

export function readProperties(from: ByteReader): ClusterProperties {
  return { id: from.hex(), size: from.byte(), endPointCount: from.byte(), attrs: from.long() };
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
