// Bad join tokens, bad ChangeTokens and Leave: rows B180 to B187. The bytes are made from docs/reference/protocol.md
// alone.
import { randomBytes } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import type { Transport } from '../field/field-connection.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { type MessageInput, OP } from '../field/protobuf.ts';
import { SealedClient } from '../field/sealed/sealed-client.ts';
import { bytesField, varintField } from '../field/wire-fields.ts';
import { onWires, useTarget, withEach } from './bad-input-harness.ts';
import { expectClosed } from './endings.ts';

const [LEAVE, CHANGE_TOKENS] = [32, 34];
const TRANSPORTS: readonly Transport[] = ['tcp', 'ws'];
const target = useTarget();
const keys = makeMemberKeys({ sig: 70 });
const strangersKeys = makeMemberKeys({ sig: 71 });
/** Sessions at the same time present the same statement. */
const seq = Date.now();
const hash = Buffer.alloc(32, 7);

const spec = (...fields: Uint8Array[]) => bytesField(51, Buffer.concat(fields));
const hashField = (bytes: Uint8Array = hash) => bytesField(1, bytes);
const revoked = (bytes: Uint8Array) => bytesField(52, bytes);
const cat = (...parts: readonly Uint8Array[]) => Buffer.concat(parts);

async function connect(transport: Transport): Promise<SealedClient> {
  const { process, file } = target.registry;
  const port = transport === 'tcp' ? process.tcpPort : process.wsPort;
  return await SealedClient.start({ transport, port, registry: file });
}

async function identified(transport: Transport): Promise<SealedClient> {
  const client = await connect(transport);
  await client.identify({ name: 'owner', keys, seq });
  return client;
}

async function stranger(transport: Transport): Promise<SealedClient> {
  const client = await connect(transport);
  await client.identify({ name: 'stranger', keys: strangersKeys, seq });
  return client;
}

/** The owner's cluster, which admits by one token. */
beforeAll(async () => {
  const client = await identified('tcp');
  await client.call({ op: OP.Create, clusterName: 'guarded', extra: spec(hashField(randomBytes(32))) }, OP.CreateReply);
  await client.bye();
});

/** Sends each on connections of its own; the registry tells the text and closes, or closes in silence without one. */
async function ends(text: string | undefined, messages: readonly MessageInput[], open = identified): Promise<void> {
  const cases = messages.flatMap((message) => TRANSPORTS.map((transport) => ({ message, transport })));
  await withEach(cases, async ({ message, transport }) => {
    const client = await open(transport);
    await client.send(message);
    if (text !== undefined) expect(await client.receive()).toMatchObject({ op: OP.Error, errDesc: text });
    await expectClosed(client, text === undefined);
    client.close();
  });
}

const create = (extra: Uint8Array): MessageInput => ({ op: OP.Create, clusterName: 'never', clusterSize: 3, extra });
const change = (extra: Uint8Array): MessageInput => ({ op: CHANGE_TOKENS, clusterName: 'guarded', extra });

it('refuses a token without a hash of 32 bytes, with wrong uses, name or roles, in Create and ChangeTokens (B180)', async () => {
  const bad = [
    spec(),
    ...[0, 31, 33].map((length) => spec(hashField(Buffer.alloc(length)))),
    ...[0, 1_025, 2 ** 32 - 1].map((uses) => spec(hashField(), varintField(2, uses))),
    ...['.a', 'a b', 'x'.repeat(129)].map((name) => spec(hashField(), bytesField(4, name))),
    spec(hashField(), varintField(5, 1)),
    spec(hashField(), bytesField(4, 'a'), varintField(5, 1), varintField(6, 1)),
  ];
  await ends(
    'bad join tokens',
    bad.flatMap((extra) => [create(extra), change(extra)]),
  );
});

it('refuses one hash twice, a 25th token, and additions beside revocations (B181)', async () => {
  const some = (count: number) => cat(...Array.from({ length: count }, (_, i) => spec(hashField(Buffer.alloc(32, i)))));
  await ends('bad join tokens', [
    ...[cat(spec(hashField()), spec(hashField())), some(25), some(64)].flatMap((extra) => [
      create(extra),
      change(extra),
    ]),
    change(cat(spec(hashField()), revoked(hash))),
    ...[0, 31, 33, 15_000].map((length) => change(revoked(Buffer.alloc(length)))),
  ]);
});

it('closes in silence at a 65th token or hash, and at a token that is no message (B182)', async () => {
  const times = (count: number, part: Uint8Array) => cat(...Array.from({ length: count }, () => part));
  await ends(undefined, [
    create(times(65, spec(hashField()))),
    change(times(65, revoked(hash))),
    change(spec(hashField(), bytesField(4, Buffer.of(0xff)))),
    change(spec(hashField(), varintField(2, 2 ** 32))),
    change(spec(varintField(1, 1))),
    change(bytesField(51, Buffer.of(0x0a, 0x20, 1))),
    { op: OP.Join, clusterName: 'guarded', extra: varintField(50, 1) },
  ]);
});

it('tells a join token of any length and bytes that it is unknown; an empty one is none (B183)', async () => {
  const tokens = [1, 15, 16, 32, 64, 65, 15_000].map((length) => randomBytes(length));
  const asks = (op: number, token: Uint8Array) => ({ op, clusterName: 'guarded', extra: bytesField(50, token) });
  const all = tokens.flatMap((token) => [asks(OP.Join, token), asks(OP.GetCluster, token)]);
  await ends('join token unknown', all, stranger);
  await ends(
    'join token needed',
    [asks(OP.Join, Buffer.alloc(0)), { op: OP.GetCluster, clusterName: 'guarded' }],
    stranger,
  );
});

it('refuses a ChangeTokens of anybody but the owner, and of a cluster without owner (B184)', async () => {
  const other = await identified('tcp');
  await other.create(target.unique('open'), 2);
  await other.bye();
  await ends('not the owner of this cluster', [change(spec(hashField())), change(cat())], stranger);
  await ends('not the owner of this cluster', [{ op: CHANGE_TOKENS, clusterName: 'witnesses' }]);
});

it('refuses a Leave and a ChangeTokens without a cluster, or of an unknown one (B185)', async () => {
  for (const op of [LEAVE, CHANGE_TOKENS]) {
    await ends('missing cluster name or ID', [{ op }, { op, clusterName: '' }]);
    await ends('cannot find cluster with this name', [
      { op, clusterName: 'none' },
      { op, clusterName: '\u00e9'.repeat(400) },
    ]);
    await ends(
      'cannot find cluster with this ID',
      [1, 32, 15_000].map((n) => ({ op, clusterId: randomBytes(n) })),
    );
  }
});

it('refuses them before Client, and their replies always (B186)', async () => {
  const requests = [LEAVE, CHANGE_TOKENS].map((op) => ({ op, clusterName: 'guarded' }));
  await ends('invalid msg type for current state', requests, connect);
  await ends('unexpected message type', [{ op: LEAVE + 1 }, { op: CHANGE_TOKENS + 1 }]);
});

onWires(
  target,
  'takes them as out of range in an RSA dialect, and a join token as an unknown field (B187)',
  async (wire) => {
    const asks: readonly [string, MessageInput][] = [
      ['message tag out of range', { op: LEAVE, clusterName: 'guarded' }],
      ['message tag out of range', { op: CHANGE_TOKENS, clusterName: 'guarded' }],
      ['cluster admits by join token', { op: OP.Join, clusterName: 'guarded', extra: bytesField(50, randomBytes(16)) }],
      ['cluster admits by join token', { op: OP.GetCluster, clusterName: 'guarded' }],
    ];
    for (const [errDesc, message] of asks) {
      const { client } = await target.registry.register(wire, {
        name: target.unique('old'),
        myEnds: ['127.0.0.1:4001'],
      });
      expect(await client.request(message)).toEqual({ op: OP.Error, errDesc, tokens: [] });
    }
    const { client } = await target.registry.register(wire, { name: target.unique('old') });
    const clusterName = target.unique('plain');
    const made = await client.call({ op: OP.Create, clusterName, extra: spec(hashField()) }, OP.CreateReply);
    expect(made.clusterId).toHaveLength(32);
    expect((await client.getCluster(made.clusterId)).which).toBe(0n);
  },
  { 'fault tag-out-of-range': 2, 'refusal join-token-dialect': 2 },
);
