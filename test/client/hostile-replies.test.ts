// Replies of a hostile registry: too long, doubled, replayed, of the wrong type or without sense. Each ends the session
// with an error that names the cause. Replies cut into single bytes are fine.
import { createPublicKey, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { connect, ProtocolError, RegistryRefused, RegistryUntrusted } from '../../src/client/index.ts';
import { signToken } from '../../src/wire/member-token.ts';
import { longOf, type Message, Op, type Token } from '../../src/wire/message.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';
import { newKey } from '../support/made-keys.ts';
import { newVisitor } from '../support/new-member.ts';
import { WAYS } from './client-registry.ts';
import { answerInOrder, type Script, ScriptedRegistry, scriptedSigKey } from './scripted-registry.ts';

let scripted: ScriptedRegistry | undefined;
afterEach(() => scripted?.stop());

async function connectTo(script: Script, way: (typeof WAYS)[number] = WAYS[0]) {
  scripted = await ScriptedRegistry.start(script);
  const where = way.transport === 'ws' ? { connect: scripted.url } : {};
  return await connect(scripted.regCred, { ...way, ...where, timeoutMs: 2_000 });
}

/** Answers RegCredRequest with the pieces that `cut` makes of the reply. */
function saysWhoItIs(cut: (reply: Buffer) => readonly Uint8Array[]): Script {
  return {
    answer: (message, seal, own) =>
      message.Op === Op.RegCredRequest
        ? cut(seal({ Op: Op.RegCredReply, Version: 0x04030201, ClientSpecs: own }))
        : answerInOrder(message, seal),
  };
}

/** Answers every message after Client with `reply`. */
function answers(reply: Message): Script {
  return {
    answer: (message, seal) => (message.Op === Op.Client ? answerInOrder(message, seal) : [seal(reply)]),
  };
}

const bytewise = (reply: Buffer) => Array.from(reply, (byte) => Uint8Array.of(byte));

describe.each(WAYS.slice(0, 2))('$dialect over tcp', (way) => {
  it('reassembles a reply however it is cut', async () => {
    const session = await connectTo({ ...saysWhoItIs(bytewise), answerHello: bytewise }, way);
    expect(await session.credentials()).toMatchObject({ name: 'scripted', version: '1.2.3.4' });
    expect(await session.credentials()).toMatchObject({ name: 'scripted' });
    await session.bye();
  });

  it('refuses a reply that never ends', async () => {
    const session = await connectTo({ answer: () => [randomBytes(20_000)] }, way);
    await expect(session.credentials()).rejects.toThrow('a reply that is too long');
  });

  it('refuses a second reply behind the first', async () => {
    const session = await connectTo(
      saysWhoItIs((reply) => [Buffer.concat([reply, reply])]),
      way,
    );
    await expect(session.credentials()).rejects.toThrow('more than one reply');
  });

  it('reports a close half-way through a reply', async () => {
    const half = saysWhoItIs((reply) => [reply.subarray(0, 32)]);
    const session = await connectTo(half, way);
    const asked = session.credentials();
    scripted!.stop();
    await expect(asked).rejects.toThrow('closed');
  });
});

describe.each(WAYS.slice(2))('$dialect over ws', (way) => {
  it.each([
    { what: 'a frame without a message', bytes: Buffer.alloc(64) },
    { what: 'a frame with a partial block', bytes: Buffer.alloc(63) },
    { what: 'an empty frame', bytes: Buffer.alloc(0) },
    { what: 'a frame of more than 1 MiB', bytes: Buffer.alloc(1024 * 1024 + 1) },
  ])('refuses $what', async ({ bytes }) => {
    const session = await connectTo({ answer: () => [bytes] }, way);
    await expect(session.credentials()).rejects.toThrow(ProtocolError);
  });

  it('refuses a text frame', async () => {
    const session = await connectTo({ answer: () => ['text' as unknown as Uint8Array] }, way);
    await expect(session.credentials()).rejects.toThrow('not a message');
  });
});

describe('a reply', () => {
  it('is refused when replayed (prefixed)', async () => {
    let first: Buffer | undefined;
    const session = await connectTo(
      saysWhoItIs((reply) => {
        first ??= reply;
        return [first];
      }),
    );
    await session.credentials();
    await expect(session.credentials()).rejects.toThrow('repeated an IV');
  });

  it.each<{ what: string; reply: Message; why: string }>([
    { what: 'of another type', reply: { Op: Op.Ack }, why: 'answered Create with Ack' },
    { what: 'without a cluster ID', reply: { Op: Op.CreateReply, ClusterSize: 2 }, why: 'an invalid ID' },
    {
      what: 'with an invalid size',
      reply: { Op: Op.CreateReply, ClusterID: Buffer.alloc(32), ClusterSize: 65 },
      why: 'an invalid cluster size',
    },
  ])('to Create $what is refused', async ({ reply, why }) => {
    const session = await connectTo(answers(reply));
    await session.identify(newVisitor());
    const created = session.create('any', { size: 2 });
    await expect(created).rejects.toThrow(ProtocolError);
    await expect(created).rejects.toThrow(why);
    await expect(session.credentials()).rejects.toThrow('the session has ended');
  });

  it.each<{ what: string; reply: Message; why: string }>([
    { what: 'fewer members than seats', reply: { Which: longOf(3n), Tokens: [{}] }, why: '1 tokens for 2 seats' },
    { what: 'a member without ID', reply: { Which: longOf(1n), Tokens: [{}] }, why: 'an invalid ID' },
    {
      what: 'a member with an invalid key',
      reply: { Which: longOf(4n), Tokens: [{ ID: Buffer.alloc(20), CommsKey: Buffer.alloc(300) }] },
      why: 'an invalid key of member 2',
    },
  ])('to GetCluster with $what is refused', async ({ reply, why }) => {
    const session = await connectTo(answers({ Op: Op.ClusterMembers, ClusterID: Buffer.alloc(32), ...reply }));
    await session.identify(newVisitor());
    await expect(session.cluster('any')).rejects.toThrow(why);
  });

  it('to Client is refused with another ID than presented', async () => {
    const session = await connectTo({});
    await expect(session.identify({ ...newVisitor(), id: '07'.repeat(32) })).rejects.toThrow('another ID');
  });

  it.each<{ what: string; change: (own: Token) => Token; why: string }>([
    { what: 'no signature', change: (own) => ({ ...own, DigSig: null }), why: 'signature-invalid' },
    { what: 'another comms key', change: (own) => ({ ...own, CommsKey: own.SigKey! }), why: 'signature-invalid' },
    { what: 'a changed name', change: (own) => ({ ...own, Name: 'other' }), why: 'signature-invalid' },
    {
      what: 'an invalid name',
      change: (own) => signToken({ ...own, Name: '.' }, scriptedSigKey),
      why: 'name-invalid',
    },
  ])('to RegCredRequest with $what is not trusted', async ({ change, why }) => {
    const session = await connectTo({
      answer: (_, seal, own) => [seal({ Op: Op.RegCredReply, ClientSpecs: change(own) })],
    });
    const asked = session.credentials();
    await expect(asked).rejects.toThrow(RegistryUntrusted);
    await expect(asked).rejects.toThrow(why);
  });
});

it('trusts a new comms key that the registry has signed (S6)', async () => {
  const fresh = createPublicKey(newKey());
  const changed = (own: Token) => signToken({ ...own, CommsKey: exportSpki(fresh) }, scriptedSigKey);
  const session = await connectTo({
    answer: (_, seal, own) => [seal({ Op: Op.RegCredReply, ClientSpecs: changed(own) })],
  });
  expect((await session.credentials()).newCommsKey?.equals(fresh)).toBe(true);
});

it('escapes and truncates the text of a refusal', async () => {
  const text = `no\u001b[2Jentry\r\n\u202e${'x'.repeat(500)}`;
  const session = await connectTo({ answer: (_, seal) => [seal({ Op: Op.Error, ErrDesc: text })] });
  const refusal = await session.credentials().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(RegistryRefused);
  expect((refusal as RegistryRefused).text).toBe(text);
  const { message } = refusal as RegistryRefused;
  expect(message).toMatch(/^no\\u\{1b\}\[2Jentry\\u\{d\}\\u\{a\}\\u\{202e\}x+…$/);
  expect(message.length).toBeLessThan(320);
});

it('reads rosters without cluster size and ID', async () => {
  const token = (own: Token): Token => ({ ...own, DigSig: null, Name: 'old one' });
  const session = await connectTo({
    answer(message, seal, own) {
      if (message.Op !== Op.GetCluster) return answerInOrder(message, seal);
      return [seal({ Op: Op.ClusterMembers, Which: longOf(1n << 63n), Tokens: [token(own)] })];
    },
  });
  await session.identify(newVisitor());
  const id = '05'.repeat(20);
  const roster = await session.cluster({ id });
  expect(roster).toMatchObject({ clusterId: id, size: undefined, members: [{ index: 63, name: 'old one' }] });
});
