// A worker's data path with a real table behind it: the vectors' conversations from first byte to last, and the size of
// replies (R9).

import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobReply, WorkerResult } from '../../src/pool/job.ts';
import { NO_SCAN } from '../../src/pool/scan-codec.ts';
import { conclude, type JobContext, jobContext, type RegistryFacts, serveJob } from '../../src/pool/serve-job.ts';
import { readSession, SESSION_RECORD_BYTES, writeSession } from '../../src/pool/session-record.ts';
import type { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Session } from '../../src/session/session.ts';
import { encryptBlocks, pad } from '../../src/wire/aes-cbc.ts';
import type { SessionKeys } from '../../src/wire/dialect.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { sealHello } from '../../src/wire/hello.ts';
import { bigintOf, decodeMessage, encodeMessage, type Message, Op } from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import { identified } from '../session/sessions.ts';
import { messageBytes } from '../wire/arbitrary-messages.ts';
import { fastest } from '../wire/fastest.ts';
import { bytes, fieldsOf, messageOf, privateKey, vectors } from '../wire/vectors.ts';
import { newTable } from './serving.ts';

const CLUSTER_ID = '09'.repeat(32);
const DIALECT_NAMES = ['chained', 'prefixed'] as const;
const ck = privateKey('registryCk');

/** A worker, and the table for its questions. */
interface Served {
  readonly context: JobContext;
  readonly table: ClusterTable;
}

function contextWith(table: ClusterTable, tcp = 16_384, keys: Partial<RegistryFacts> = {}): Served {
  const facts = {
    commsKey: ck,
    ...keys,
    registryToken: messageOf(vectors.tokens.at(-1)!.fields),
    version: 1,
    replyBytesMax: { tcp, ws: 262_144 },
  };
  return { context: jobContext(facts, randomBytes), table };
}

function recordOf(session: Session): Buffer {
  const record = Buffer.alloc(SESSION_RECORD_BYTES);
  writeSession(session, record, 0);
  return record;
}

function one(
  { context, table }: Served,
  session: Uint8Array | undefined,
  sent: Uint8Array,
  transport: 'tcp' | 'ws',
  scan = NO_SCAN,
) {
  const record = session && Buffer.from(session);
  const job = { kind: record ? 'message' : 'hello', transport, session: record, scan, bytes: sent, origin: 0 } as const;
  const served = serveJob(job, context);
  if (served.kind !== 'pending') return served;
  return conclude(served, table.apply(served.question.command, 0).reply, context);
}

/** The result with the session's current record, which an unchanged session omits. */
function replied(result: WorkerResult, before?: Uint8Array) {
  if (result.kind !== 'reply') throw new Error(`a ${result.kind} in place of a reply`);
  const hasChanged = result.session !== undefined;
  return { ...result, hasChanged, session: result.session ? recordOf(result.session) : before! };
}

/** The client's end of a session. */
class Client {
  readonly #context: Served;
  readonly #transport: 'tcp' | 'ws';
  #keys: SessionKeys;
  session: Uint8Array;

  constructor(context: Served, transport: 'tcp' | 'ws', keys: SessionKeys, session: Uint8Array) {
    [this.#context, this.#transport, this.#keys, this.session] = [context, transport, keys, session];
  }

  static async greet(context: Served, name: 'chained' | 'prefixed', transport: 'tcp' | 'ws' = 'tcp') {
    const { ciphertext, ...vector } = vectors.hellos.find(({ dialect }) => dialect === name)!;
    const hello = { dialect: name, iv1: vector.iv1 === undefined ? undefined : bytes(vector.iv1) } as const;
    const result = replied(await one(context, undefined, bytes(ciphertext), transport));
    const full = { ...hello, key1: bytes(vector.key1), salt1: bytes(vector.salt1), version1: 0 };
    const reply = DIALECTS[name].openHelloReply(full, result.bytes)!;
    return { client: new Client(context, transport, reply.keys, result.session), result, reply };
  }

  /** Encrypts messages into bytes for the wire. */
  seal(...messages: Message[]): Buffer {
    const wires = messages.map((message) => {
      const sealed = DIALECTS[this.#keys.dialect].encrypt(this.#keys, randomBytes, encodeMessage(message));
      this.#keys = sealed.keys;
      return sealed.bytes;
    });
    return Buffer.concat(wires);
  }

  /** Encrypts a plaintext of whole blocks as it is. */
  sealBlocks(plain: Uint8Array): Buffer {
    const { dialect, key2, receiveChain } = keysOf(this);
    const iv = dialect === 'prefixed' ? randomBytes(16) : receiveChain;
    const sealed = encryptBlocks(key2, iv, plain);
    return dialect === 'prefixed' ? Buffer.concat([iv, sealed]) : sealed;
  }

  /** The result for these bytes, continued from a previous attempt on fewer of them. */
  send(wire: Uint8Array, scan?: number) {
    return one(this.#context, this.session, wire, this.#transport, scan);
  }

  /** Attempts each cut that may find a message, until one does; returns the cut and its result, or undefined. */
  dribble(wire: Uint8Array, cuts: readonly number[]) {
    let [scan, needed] = [NO_SCAN, 0];
    for (const cut of cuts) {
      if (cut < needed) continue;
      const result = this.send(wire.subarray(0, cut), scan);
      if (result.kind !== 'incomplete') return { cut, result };
      [scan, needed] = [result.scan, result.needed];
    }
    return undefined;
  }

  /** The reply to these bytes. */
  async receive(wire: Uint8Array) {
    const result = replied(await this.send(wire), this.session);
    const dialect = DIALECTS[this.#keys.dialect];
    const plain = dialect.decrypt(this.#keys, result.bytes);
    const { end, paddedEnd } = findMessage(plain, dialect.ivBytes)!;
    expect(paddedEnd).toBe(result.bytes.length);
    this.#keys = dialect.received(this.#keys, result.bytes);
    this.session = Uint8Array.from(result.session);
    return { message: decodeMessage(plain.subarray(dialect.ivBytes, end))!, result };
  }
}

const member = messageOf(vectors.messages.find(({ name }) => name === 'Client')!.fields);

describe.each(vectors.conversations)('$dialect', ({ dialect: name }) => {
  it("answers a Hello in its dialect, with the registry's own version (H2, H5, K6)", async () => {
    const { result, reply } = await Client.greet(contextWith(newTable()), name);
    expect(result).toMatchObject({ op: 0, dialect: name, consumed: 256, why: undefined });
    expect(reply.version2).toBe(1);
  });

  it.each([
    [false, 'ab'.repeat(8)],
    [true, undefined],
  ])(
    'confirms the round that the session was told, unless the message came early (early: %s) (Q5)',
    async (early, round) => {
      const served = contextWith(newTable());
      const { client } = await Client.greet(served, name);
      const told: Session = {
        ...identified,
        keys: readSession(Buffer.from(client.session)).keys,
        toldRound: 'ab'.repeat(8),
      };
      const sent = client.seal({ Op: Op.GetCluster, ClusterName: 'c' });
      const job = {
        kind: 'message',
        transport: 'tcp',
        session: recordOf(told),
        scan: NO_SCAN,
        bytes: sent,
        origin: 0,
      } as const;
      const pending = serveJob({ ...job, early }, served.context);
      if (pending.kind !== 'pending') throw new Error(`a ${pending.kind} in place of a question`);
      expect(pending.question.command).toMatchObject({ kind: 'get-cluster' });
      expect((pending.question.command as { round?: string }).round).toBe(round);
    },
  );

  it('opens a Hello under either key, and closes in silence at one under neither (H10)', () => {
    const [current, previous, other] = [privateKey('memberCk'), ck, privateKey('registrySk')];
    const keys = { key1: randomBytes(32), salt1: randomBytes(8), version1: 1 };
    const hello = { ...keys, dialect: name, iv1: name === 'chained' ? randomBytes(16) : undefined };
    const context = contextWith(newTable(), 16_384, { commsKey: current, previousCommsKey: previous });
    const opened = (key: KeyObject) => one(context, undefined, sealHello(createPublicKey(key), hello), 'tcp');
    expect(opened(current)).toMatchObject({ kind: 'reply', dialect: name, rsaOperations: 1, previousKey: false });
    // Either key may reject a number as out of range without decrypting it; the number decides.
    for (let i = 0; i < 20; i++) {
      const { rsaOperations, ...result } = opened(previous) as Omit<JobReply, 'session'>;
      expect(result).toMatchObject({ kind: 'reply', dialect: name, previousKey: true });
      expect([1, 2]).toContain(rsaOperations);
      const failed = opened(other);
      expect(failed).toMatchObject({ kind: 'silent' });
      expect(['hello-undecryptable', 'hello-out-of-range']).toContain((failed as { why: string }).why);
    }
    expect(one(context, undefined, randomBytes(255), 'tcp')).toMatchObject({ why: 'hello-length', rsaOperations: 0 });
  });

  it.each(['tcp', 'ws'] as const)('serves a conversation as in the vectors, over %s (M2)', async (transport) => {
    const table = newTable();
    const { client } = await Client.greet(contextWith(table), name, transport);
    const { toRegistry, toClient } = vectors.conversations.find(({ dialect }) => dialect === name)!;
    for (const [i, { message: sent }] of toRegistry.entries()) {
      const expected = vectors.messages.find((message) => message.name === toClient[i]!.message)!.fields;
      const sentFields = vectors.messages.find((message) => message.name === sent)!.fields;
      // The vectors' IDs are fixed and ours are random; there is only one cluster.
      const { ClusterID: _, ...fields } = sentFields;
      const { message, result } = await client.receive(client.seal(messageOf(fields)));
      const got = fieldsOf(message);
      expect(got.Op).toBe(expected.Op);
      for (const field of ['ClusterAttrs', 'EndPointCount', 'ClientAttrs', 'Which']) {
        expect(got[field]).toBe(expected[field]);
      }
      // A roster has the size only if the request has one (R11).
      if (got.Op !== Op.ClusterMembers) expect(got.ClusterSize).toBe(expected.ClusterSize);
      expect(result).toMatchObject({ op: fields.Op, why: got.Op === Op.Ack ? 'bye' : undefined });
    }
  });

  it('returns the session if a message changed its state, its IDs, or the chain of its keys, but not at its end (F7)', async () => {
    const { client, result } = await Client.greet(contextWith(newTable()), name);
    expect(result.hasChanged).toBe(true);
    const changed: boolean[] = [];
    const getCluster = { Op: Op.GetCluster, ClusterName: 'c' };
    const create = { Op: Op.Create, ClusterName: 'c' };
    const asking = [{ Op: Op.RegCredRequest }, member, create, { Op: Op.Join }, getCluster, getCluster];
    for (const message of [...asking, { Op: Op.Bye }]) {
      changed.push((await client.receive(client.seal(message))).result.hasChanged);
    }
    const always = name === 'chained';
    // The session ends with the last one, and needs no record.
    expect(changed).toEqual([always, true, true, true, true, always, false]);
  });

  it('waits for the rest of a message, and leaves the bytes behind one (F5)', async () => {
    const { client } = await Client.greet(contextWith(newTable()), name);
    const [first, second] = [client.seal(member), client.seal({ Op: Op.Create, ClusterName: 'c' })];
    for (let end = 16; end < first.length; end += 16) {
      expect(client.send(first.subarray(0, end))).toMatchObject({ kind: 'incomplete' });
    }
    const { message, result } = await client.receive(Buffer.concat([first, second]));
    expect([message.Op, result.consumed]).toEqual([Op.ClientOK, first.length]);
    expect((await client.receive(Buffer.concat([second, Buffer.alloc(7)]))).message.Op).toBe(Op.CreateReply);
  });

  it('finds a message in segments where it finds it in one piece (F5)', async () => {
    const { client } = await Client.greet(contextWith(newTable()), name);
    const plain = fc.oneof(
      messageBytes.map((message) => pad(message)),
      fc.uint8Array({ maxLength: 100 }).map((tampered) => pad(tampered)),
      fc.constant(Buffer.alloc(160, bytes('7200'))),
    );
    const several = fc.array(plain, { minLength: 1, maxLength: 3 }).map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(several, fc.infiniteStream(fc.boolean()), (plain, stream) => {
        const wire = client.sealBlocks(plain);
        const all = Array.from({ length: wire.length / 16 }, (_, block) => 16 * (block + 1));
        const cuts = all.filter(() => stream.next().value);
        const cut = cuts.find((cut) => client.send(wire.subarray(0, cut)).kind !== 'incomplete');
        const dribbled = client.dribble(wire, cuts);
        expect(dribbled?.cut).toBe(cut);
        const summary = ({ kind, ...rest }: ReturnType<Client['send']>) => ({
          kind,
          why: 'why' in rest ? rest.why : undefined,
          consumed: 'consumed' in rest ? rest.consumed : undefined,
        });
        if (dribbled) expect(summary(dribbled.result)).toEqual(summary(client.send(wire.subarray(0, dribbled.cut))));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['empty fields', '7200'],
    ['empty fields and two ClientSpecs', `${'7200'.repeat(8)}5a00`],
    ['a long field', `6aff7f${'00'.repeat(16_361)}`],
    ['Ops', '0801'],
  ])('takes for 1,024 segments of %s no more than for some messages in one piece (F4, F5)', async (_, field) => {
    const { client } = await Client.greet(contextWith(newTable()), name);
    const wire = client.sealBlocks(Buffer.alloc(16_384 - 16, bytes(field)));
    const cuts = Array.from({ length: wire.length / 16 }, (_, block) => 16 * (block + 1));
    const dribbled = fastest(1, () => client.dribble(wire, cuts));
    expect(dribbled).toBeLessThan(40 * fastest(1, () => client.send(wire)));
  });

  it('closes in silence at a frame that is less or more than one message (F3, E1)', async () => {
    const { client } = await Client.greet(contextWith(newTable()), name, 'ws');
    const wire = client.seal(member);
    const silent = { kind: 'silent', why: 'message-undecodable', rsaOperations: 0 };
    const wrong = [wire.subarray(0, -16), wire.subarray(0, -1), Buffer.concat([wire, Buffer.alloc(1)])];
    const more = [Buffer.concat([wire, wire]), Buffer.alloc(0), Buffer.alloc(7), Buffer.alloc(16)];
    for (const frame of [...wrong, ...more]) expect(await client.send(frame)).toEqual(silent);
    expect((await client.receive(wire)).message.Op).toBe(Op.ClientOK);
  });

  it('answers an Op out of range with an Error, and ends the session (M3, E2)', async () => {
    const { client } = await Client.greet(contextWith(newTable()), name);
    const sealed = DIALECTS[name].encrypt(
      keysOf(client),
      randomBytes,
      bytes(vectors.opsOutOfRange.find(({ op }) => op === String(2 ** 32 + 3))!.encoded),
    );
    const { message, result } = await client.receive(sealed.bytes);
    expect(fieldsOf(message)).toEqual({ Op: 13, ErrDesc: 'message tag out of range' });
    expect(result).toMatchObject({ op: 0, why: 'tag-out-of-range' });
  });

  it('answers a fault with its text, and ends the session (E2)', async () => {
    const { client } = await Client.greet(contextWith(newTable()), name);
    const { message, result } = await client.receive(client.seal({ Op: Op.Join, ClusterName: 'c' }));
    expect(fieldsOf(message)).toEqual({ Op: 13, ErrDesc: 'invalid msg type for current state' });
    expect(result).toMatchObject({ op: Op.Join, why: 'message-in-wrong-state' });
  });
});

/** The keys of a client's session before its first message. */
function keysOf(client: Client): SessionKeys {
  return readSession(Buffer.from(client.session)).keys as SessionKeys;
}

it('closes in silence at bad Hellos, each with its fault (H3)', async () => {
  const context = contextWith(newTable());
  for (const { bytes: hex } of vectors.hostileHellos) {
    const result = await one(context, undefined, bytes(hex), 'tcp');
    expect(result.kind === 'silent' && result.why).toMatch(/^hello-/);
  }
});

describe('the size of replies', () => {
  /** A table with a full cluster of tokens of these lengths. */
  function withTokens(lengths: readonly number[]): ClusterTable {
    const table = newTable();
    const clusterId = CLUSTER_ID;
    table.replay({ kind: 'cluster', id: clusterId, name: 'c', size: 64, endPointCount: 1, attrs: 0n });
    for (const [index, length] of lengths.entries()) {
      const clientId = Buffer.alloc(32, index + 1).toString('hex');
      const empty = encodeMessage({ Tokens: [{ Name: `${index}`, DigSig: new Uint8Array(0) }] });
      const token = encodeMessage({ Tokens: [{ Name: `${index}`, DigSig: new Uint8Array(length - empty.length) }] });
      table.replay({ kind: 'member', clusterId, index, clientId, name: `${index}`, token });
    }
    return table;
  }

  it("keeps a reply's bound over TCP, with IV and padding, and fills it (R9)", async () => {
    const lengths = fc.array(fc.integer({ min: 40, max: 1_500 }), { minLength: 1, maxLength: 64, size: 'max' });
    await fc.assert(
      fc.asyncProperty(
        lengths,
        fc.integer({ min: 2_048, max: 16_384 }),
        fc.constantFrom(...DIALECT_NAMES),
        fc.nat(63),
        async (lengths, bound, name, from) => {
          const context = contextWith(withTokens(lengths), bound);
          const { client } = await Client.greet(context, name);
          const keys = keysOf(client);
          client.session = recordOf({
            ...identified,
            keys,
            clusterId: '09'.repeat(32),
            rosterId: '09'.repeat(32),
            rosterFrom: from,
          });
          const { message, result } = await client.receive(client.seal({ Op: Op.GetCluster }));
          expect(result.bytes.length).toBeLessThanOrEqual(bound);
          const which = bigintOf(message.Which);
          const sent = lengths.filter((_, index) => (which >> BigInt(index)) & 1n).length;
          expect(sent).toBe(message.Tokens!.length);
          expect(sent).toBeGreaterThan(0);
          // The member left out would not have fitted: one of the largest, a block, and the head's maximum.
          const next = (from % lengths.length) + sent;
          if (sent < lengths.length)
            expect(result.bytes.length + lengths[next % lengths.length]! + 48).toBeGreaterThan(bound);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(DIALECT_NAMES)('fits the bound to the byte in the %s dialect (R9)', async (name) => {
    // Members 62 and 63 come first, which makes Which as long as it can be.
    const [first, others] = [62, 100];
    for (let length = 40; length < 40 + others; length++) {
      const lengths = new Array(64).fill(others).with(first, length);
      const bound = 2_048 + (length % 20);
      const context = contextWith(withTokens(lengths), bound);
      const { client } = await Client.greet(context, name);
      const keys = keysOf(client);
      client.session = recordOf({
        ...identified,
        keys,
        clusterId: '09'.repeat(32),
        rosterId: '09'.repeat(32),
        rosterFrom: first,
      });
      const { message, result } = await client.receive(client.seal({ Op: Op.GetCluster, ClusterSize: 1 }));
      const blocks = (plain: number) => (Math.floor(plain / 16) + 1) * 16 + DIALECTS[name].ivBytes;
      const plain = encodeMessage(message).length;
      expect(result.bytes.length).toBe(blocks(plain));
      expect(result.bytes.length).toBeLessThanOrEqual(bound);
      expect(blocks(plain + others)).toBeGreaterThan(bound);
    }
  });

  it('sends one member at least, even beyond the bound (R9)', async () => {
    const context = contextWith(withTokens([2_000, 2_000]), 512);
    const { client } = await Client.greet(context, 'prefixed');
    const keys = keysOf(client);
    client.session = recordOf({ ...identified, keys, clusterId: CLUSTER_ID });
    for (const which of [1n, 2n, 1n]) {
      const { message } = await client.receive(client.seal({ Op: Op.GetCluster }));
      expect(bigintOf(message.Which)).toBe(which);
    }
  });

  it('sends 64 members at once on WebSocket (R9)', async () => {
    const context = contextWith(withTokens(new Array(64).fill(2_400)));
    const { client } = await Client.greet(context, 'chained', 'ws');
    const keys = keysOf(client);
    client.session = recordOf({ ...identified, keys, clusterId: CLUSTER_ID });
    const { message } = await client.receive(client.seal({ Op: Op.GetCluster }));
    expect(bigintOf(message.Which)).toBe(2n ** 64n - 1n);
  });
});
