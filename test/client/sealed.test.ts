// The sealed dialect against a scripted registry: what the client checks before it says anything, what it sends, and
// every byte that a third party changes.
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  ClockFault,
  type ConnectOptions,
  connect,
  EndPointUnknown,
  type Member,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  SessionCut,
} from '../../src/client/index.ts';
import { longOf, type Message, Op, type Token } from '../../src/wire/message.ts';
import { verifyPss } from '../../src/wire/pss.ts';
import { clientProof, returnProof, statementBytes, statementDigest } from '../../src/wire/statement.ts';
import { newKey } from '../support/made-keys.ts';
import { newMember, newVisitor } from '../support/new-member.ts';
import { answerInOrder, type Script, ScriptedRegistry } from './scripted-registry.ts';

const otherKey = newKey();
const DAY = 86_400;
let member: Member;
beforeAll(async () => {
  member = newMember({ name: 'alice', endPoints: ['127.0.0.1:1'], labels: { zone: 'b', rack: '7 = x' } });
});
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function start(script: Script): Promise<ScriptedRegistry> {
  const scripted = await ScriptedRegistry.start(script);
  stops.push(() => scripted.stop());
  return scripted;
}

const WAYS = ['tcp', 'ws'] as const;
const to = (scripted: ScriptedRegistry, transport: (typeof WAYS)[number], options: ConnectOptions = {}) =>
  connect(scripted.regCred, {
    transport,
    timeoutMs: 3_000,
    helloTries: 1,
    ...(transport === 'ws' && { connect: scripted.url }),
    ...options,
  });

describe.each(WAYS)('over %s the client', (transport) => {
  it.each<{ what: string; certify: NonNullable<Script['certify']>; why: string }>([
    { what: 'signed by another key', certify: (good, sign) => sign(good, undefined, otherKey), why: 'is not signed' },
    { what: 'of another registry', certify: (good, sign) => sign(good, randomBytes(32)), why: 'is not signed' },
    {
      what: 'of another version',
      certify: (good, sign) => Buffer.concat([Uint8Array.of(2), sign(good).subarray(1)]),
      why: 'of an unknown version',
    },
    {
      what: 'with a changed body',
      certify: (good, sign) => {
        const bytes = sign(good);
        bytes[29]! ^= 1;
        return bytes;
      },
      why: 'is not signed',
    },
  ])('sends nothing after a certificate $what', async ({ certify, why }) => {
    let messages = 0;
    const scripted = await start({
      certify,
      answer: () => {
        messages += 1;
        return [];
      },
    });
    const refused = to(scripted, transport);
    await expect(refused).rejects.toThrow(RegistryUntrusted);
    await expect(refused).rejects.toThrow(why);
    expect(messages).toBe(0);
  });

  it.each([
    { what: 'ended', shift: -4 * DAY },
    { what: 'begins', shift: 2 * DAY },
  ])('shows both clocks when the certificate $what more than a day away', async ({ shift }) => {
    const scripted = await start({
      certify: (good, sign) => sign({ ...good, notBefore: good.notBefore + shift, notAfter: good.notAfter + shift }),
    });
    const refused = to(scripted, transport);
    await expect(refused).rejects.toThrow(ClockFault);
    await expect(refused).rejects.toThrow(/here it is \d{4}-\S+Z, .* valid from \d{4}-\S+Z to \d{4}-\S+Z/);
  });

  it('accepts a certificate within a day of its times', async () => {
    const scripted = await start({
      certify: (good, sign) => sign({ ...good, notBefore: good.notBefore + DAY - 60, flags: 0xff }),
    });
    await (await to(scripted, transport)).bye();
  });

  it('names three causes of a close and of a silence before the reply', async () => {
    const causes = /old registry .*another sig key .*turned this client away/;
    const closing = await start({ answerHello: () => undefined });
    await expect(to(closing, transport)).rejects.toThrow(causes);
    const silent = await start({ answerHello: () => [] });
    const late = to(silent, transport, { timeoutMs: 300 });
    await expect(late).rejects.toThrow(RegistryUnreachable);
    await expect(late).rejects.toThrow(/no HelloReply within 0\.3 s: /);
    await expect(late).rejects.toThrow(causes);
  });

  it('reports a session without Ack or Error as cut, and not as an old registry', async () => {
    const scripted = await start({
      answer: (message, seal) => (message.Op === Op.Client ? answerInOrder(message, seal) : undefined),
    });
    const session = await to(scripted, transport);
    await session.identify(member);
    const cut = session.bye();
    await expect(cut).rejects.toThrow(SessionCut);
    await expect(cut).rejects.toThrow('the session was cut, without Ack or Error');
    await expect(cut).rejects.not.toThrow('old registry');
  });

  it('refuses a frame that was changed in any part, or repeated', async () => {
    const change =
      (at: (frame: Buffer) => number): NonNullable<Script['answer']> =>
      (_, seal) => {
        const frame = seal({ Op: Op.Ack });
        frame[at(frame)]! ^= 0x10;
        return [frame];
      };
    const first = transport === 'tcp' ? 2 : 0;
    for (const at of [() => first, () => first + 1, (frame: Buffer) => frame.length - 1]) {
      const session = await to(await start({ answer: change(at) }), transport);
      await expect(session.bye()).rejects.toThrow('changed, repeated or left out');
    }
    let seen: Buffer | undefined;
    const replaying = await start({
      answer: (_, seal, own) => {
        seen ??= seal({ Op: Op.RegCredReply, ClientSpecs: own });
        return [seen];
      },
    });
    const session = await to(replaying, transport);
    await session.credentials();
    const replayed = session.credentials();
    await expect(replayed).rejects.toThrow(ProtocolError);
    await expect(replayed).rejects.toThrow('changed, repeated or left out');
  });

  it('reads a reply of several frames, however it is cut', async () => {
    const Name = 'x'.repeat(100);
    const text = 'y'.repeat(150_000);
    const scripted = await start({
      answer: (message, seal) => {
        if (message.Op !== Op.RegCredRequest) return answerInOrder(message, seal);
        const bytes = seal({ Op: Op.Error, ErrDesc: text, ClientName: Name });
        return transport === 'ws' ? framesOf(bytes) : piecesOf(bytes);
      },
    });
    const session = await to(scripted, transport);
    const refused = await session.credentials().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RegistryRefused);
    expect((refused as RegistryRefused).text).toBe(text);
  });
});

/** Full frames of 65,535 bytes, and the rest. */
function framesOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / 65_535) }, (_, at) =>
    bytes.subarray(at * 65_535, (at + 1) * 65_535),
  );
}

function piecesOf(bytes: Buffer): Buffer[] {
  return [bytes.subarray(0, 1), bytes.subarray(1, 70_000), bytes.subarray(70_000, 131_075), bytes.subarray(131_075)];
}

/** A registry that keeps what clients present, and refuses statements below `recorded`. */
async function recording(options: { recorded?: number; answer?: Script['answer'] } = {}) {
  const presented: Message[] = [];
  const scripted = await start({
    answer: (message, seal, own) => {
      if (message.Op === Op.Client) presented.push(message);
      const seq = Number(message.ClientSpecs?.Seq ?? 0);
      if (message.Op === Op.Client && seq <= (options.recorded ?? -1)) {
        const why = {
          ErrDesc: 'statement is older than the one on record',
          RecordedSeq: longOf(BigInt(options.recorded!)),
        };
        return [seal({ Op: Op.Error, ...why })];
      }
      return options.answer?.(message, seal, own) ?? answerInOrder(message, seal);
    },
  });
  return { scripted, presented };
}

const seqIn = ({ ClientSpecs }: Message) => Number(ClientSpecs!.Seq);

describe('a client', () => {
  it('presents a statement, a proof for this session, and no old signature', async () => {
    const { scripted, presented } = await recording();
    const before = Date.now();
    for (const _ of [1, 2]) {
      const session = await to(scripted, 'tcp');
      expect(await session.identify(member)).toEqual({ id: member.id, attrs: 0n });
      await session.bye();
    }
    const [first, second] = presented.map(({ ClientSpecs }) => ClientSpecs as Token);
    expect(first!.DigSig ?? []).toHaveLength(0);
    expect(first!.Labels).toBe('rack=7 = x\nzone=b');
    expect(first!.SealKey).toHaveLength(32);
    expect(seqIn(presented[0]!)).toBeGreaterThanOrEqual(before);
    const key = createPublicKey(member.sigKey);
    const statement = statementBytes(scripted.id, first!);
    expect(verifyPss(key, statement, first!.Statement!)).toBe(true);
    expect(Buffer.from(second!.Statement!).equals(first!.Statement!)).toBe(true);
    const proofs = presented.map(({ DigSig }) => Buffer.from(DigSig!));
    expect(proofs[0]!.equals(proofs[1]!)).toBe(false);
    expect(verifyPss(key, clientProof(Buffer.alloc(32), statementDigest(statement)), proofs[0]!)).toBe(false);
  });

  it('signs anew with a higher seq when a field changes, and only then', async () => {
    const { scripted, presented } = await recording();
    for (const endPoints of [['127.0.0.1:7'], ['127.0.0.1:8'], ['127.0.0.1:8']]) {
      const session = await to(scripted, 'ws');
      await session.identify({ ...member, endPoints });
      session.close();
    }
    const [first, second, third] = presented.map(seqIn);
    expect(second).toBeGreaterThan(first!);
    expect(third).toBe(second);
  });

  it('signs once more above the seq on record', async () => {
    const fresh = newMember({ name: 'late', endPoints: [] });
    const recorded = Date.now() + 3_600_000;
    const { scripted, presented } = await recording({ recorded });
    const session = await to(scripted, 'tcp');
    await session.identify(fresh);
    expect(presented.map(seqIn).at(-1)).toBe(recorded + 1);
    expect(presented).toHaveLength(2);
    await session.bye();
  });

  it('signs once more if the registry has another statement under its seq', async () => {
    const fresh = newMember({ name: 'twin', endPoints: [] });
    const { scripted, presented } = await recording({
      answer: (message, seal) =>
        message.Op === Op.Client && presented.length === 1
          ? [seal({ Op: Op.Error, ErrDesc: 'statement differs under the same seq' })]
          : undefined,
    });
    const session = await to(scripted, 'tcp');
    await session.identify(fresh);
    const [first, second] = presented.map(seqIn);
    expect(second).toBeGreaterThan(first!);
    await session.bye();
  });

  it('does not follow a seq two days ahead of its clock', async () => {
    const fresh = newMember({ name: 'never', endPoints: [] });
    const { scripted, presented } = await recording({ recorded: Date.now() + 3 * DAY * 1_000 });
    const refused = (await to(scripted, 'tcp')).identify(fresh);
    await expect(refused).rejects.toThrow('statement is older than the one on record');
    expect(presented).toHaveLength(1);
  });

  it('returns by its ID with a proof for this session', async () => {
    const { scripted, presented } = await recording({
      answer: (message, seal) =>
        message.Op === Op.Client ? [seal({ Op: Op.ClientOK, ClientID: Buffer.from(member.id!, 'hex') })] : undefined,
    });
    const session = await to(scripted, 'tcp');
    expect(await session.identify(member, 'id')).toMatchObject({ id: member.id });
    expect(presented[0]!.ClientSpecs ?? null).toBeNull();
    const wrong = returnProof(Buffer.alloc(32), Buffer.from(member.id!, 'hex'));
    expect(verifyPss(createPublicKey(member.sigKey), wrong, presented[0]!.DigSig!)).toBe(false);
    session.close();
  });

  it('has an ID that is the hash of its key, as a visitor, too', async () => {
    const { scripted, presented } = await recording();
    const visitor = newVisitor();
    const session = await to(scripted, 'tcp');
    const { id } = await session.identify(visitor);
    expect(presented[0]!.ClientSpecs!.ID).toHaveLength(32);
    expect(id).toBe(Buffer.from(presented[0]!.ClientSpecs!.ID!).toString('hex'));
    expect(presented[0]!.ClientSpecs!.SealKey ?? []).toHaveLength(0);
  });

  it.each([
    { observed: '192.0.2.7', means: '192.0.2.7:4001' },
    { observed: '::ffff:192.0.2.7', means: '192.0.2.7:4001' },
    { observed: '2001:db8::1', means: '[2001:db8::1]:4001' },
  ])('replaces auto: by $observed', async ({ observed, means }) => {
    const { scripted, presented } = await recording({
      answer: (message, seal, own) =>
        message.Op === Op.RegCredRequest
          ? [seal({ Op: Op.RegCredReply, ClientSpecs: own, ObservedAddress: observed })]
          : undefined,
    });
    const session = await to(scripted, 'tcp');
    const endPoints = ['auto:4001', '192.0.2.1:1'];
    expect(await session.identify({ ...member, endPoints })).toMatchObject({ endPoints: [means, '192.0.2.1:1'] });
    expect(presented[0]!.ClientSpecs!.MyEnds).toEqual([means, '192.0.2.1:1']);
    session.close();
  });

  it('refuses auto: for a loopback address and in an RSA dialect', async () => {
    const script: Script['answer'] = (message, seal, own) =>
      message.Op === Op.RegCredRequest
        ? [seal({ Op: Op.RegCredReply, ClientSpecs: own, ObservedAddress: '127.0.0.1' })]
        : undefined;
    const { scripted, presented } = await recording({ answer: script });
    const fresh = { ...newVisitor(), endPoints: ['auto:1'] };
    for (const [dialect, why] of [
      ['sealed', 'which others cannot reach'],
      ['prefixed', 'needs the dialect sealed'],
    ] as const) {
      const refused = (await to(scripted, 'tcp', { dialect })).identify(fresh);
      await expect(refused).rejects.toThrow(EndPointUnknown);
      await expect(refused).rejects.toThrow(why);
    }
    expect(presented).toEqual([]);
  });

  it('refuses credentials whose sig key is too small, without a connection', async () => {
    const sigKey = createPublicKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey);
    const { scripted } = await recording();
    await expect(connect({ ...scripted.regCred, sigKey })).rejects.toThrow('its sig key has 1024 bits');
  });

  it('never falls back to an RSA dialect', async () => {
    const hellos: number[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        hellos.push(bytes.length);
        socket.end();
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    stops.push(() => server.close());
    const { scripted } = await recording();
    const endPoints = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
    await expect(connect({ ...scripted.regCred, endPoints }, { timeoutMs: 2_000 })).rejects.toThrow('old registry');
    expect(new Set(hellos)).toEqual(new Set([64]));
  });
});
