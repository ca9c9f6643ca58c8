// The whole session of the second implementation against a real registry, over both transports: cut at every byte, sent
// ahead, and in one cluster with members of the old dialects.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transport } from '../field-connection.ts';
import { FieldRegistry } from '../field-registry.ts';
import { makeMemberKeys, signedToken } from '../member-keys.ts';
import { OP } from '../protobuf.ts';
import { SealedClient, type SealedClientOptions, stated } from './sealed-client.ts';
import { pssVerify, statementBytes } from './statement.ts';

let registry: FieldRegistry;
const clients = new Set<SealedClient>();
beforeAll(async () => {
  registry = await FieldRegistry.start({ args: ['--partial-timeout-ms', '60000', '--hello-timeout-ms', '60000'] });
});
afterAll(async () => {
  for (const client of clients) client.close();
  expect(await registry.stop()).toBe(0);
});

function options(transport: Transport): SealedClientOptions {
  const port = transport === 'tcp' ? registry.process.tcpPort : registry.process.wsPort;
  return { transport, port, registry: { id: registry.file.id, sigKey: registry.file.sigKey } };
}

async function open(transport: Transport): Promise<SealedClient> {
  const client = await SealedClient.open(options(transport));
  clients.add(client);
  return client;
}

async function connect(transport: Transport): Promise<SealedClient> {
  const client = await SealedClient.start(options(transport));
  clients.add(client);
  return client;
}

describe.each(['tcp', 'ws'] as const)('over %s', (transport) => {
  const ending = transport === 'tcp' ? { kind: 'fin' } : { kind: 'ws-close', wsCode: 1000 };
  const properClose = { ...ending, bytes: Buffer.alloc(0) };
  /** Distinct keys: an ID is the hash of a SigKey. */
  const slot = transport === 'tcp' ? 20 : 30;

  it('serves a session from Hello to Bye', async () => {
    const client = await connect(transport);
    const { cert } = client.session;
    expect(cert.flags).toBe(0);
    expect(cert.maxMessage).toBe(16_367);
    expect(Number(cert.notAfter - cert.notBefore)).toBe(2 * 86_400);

    const credentials = await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
    expect(credentials.clientSpecs!.digSig).toBeUndefined();
    expect(credentials.clientSpecs!.id).toEqual(registry.file.id);

    const keys = makeMemberKeys({ sig: slot });
    const token = { name: 'first', keys, sealKey: Buffer.alloc(32, 9), labels: 'rack=7\nzone=eu', seq: Date.now() };
    const whole = stated(registry.file.id, token);
    const message = client.clientMessage(whole, keys.sigPrivate);
    const identified = await client.call(message, OP.ClientOK);
    expect(identified.clientId).toEqual(whole.id);

    const name = `sealed-${transport}`;
    const { clusterId } = await client.create(name, 2);
    await client.join();
    const { tokens, which } = await client.getCluster(clusterId);
    expect(which).toBe(1n);
    const [seen] = tokens;
    expect(seen).toMatchObject({ name: 'first', labels: token.labels, seq: BigInt(token.seq) });
    expect(seen!.sealKey).toEqual(token.sealKey);
    expect(seen!.statement).toEqual(Buffer.from(whole.statement!));
    expect(pssVerify(keys.sigPrivate, statementBytes(registry.file.id, seen!), seen!.statement!)).toBe(true);
    expect(await client.bye()).toEqual(properClose);

    const back = await connect(transport);
    await back.identifyById(whole.id!, keys);
    await back.join(name);
    expect((await back.getCluster()).tokens).toEqual(tokens);
    expect(await back.bye()).toEqual(properClose);
  });

  it('serves a session cut at every byte', async () => {
    const client = await open(transport);
    await client.sendCut(client.buildHello(), 'every');
    await client.receiveReply();
    await client.sendCut(client.encrypt({ op: OP.RegCredRequest }), 'every');
    expect((await client.receive()).op).toBe(OP.RegCredReply);
    const keys = makeMemberKeys({ sig: slot + 1 });
    const token = stated(registry.file.id, { name: 'cut', keys });
    await client.sendCut(client.encrypt(client.clientMessage(token, keys.sigPrivate)), 'every');
    expect((await client.receive()).op).toBe(OP.ClientOK);
    await client.sendCut(client.encrypt({ op: OP.Bye }), 'every');
    expect((await client.receive()).op).toBe(OP.Ack);
    expect(await client.waitClosed()).toEqual(properClose);
  });

  it('serves requests sent ahead, in order', async () => {
    const client = await connect(transport);
    await client.identify({ name: 'ahead', keys: makeMemberKeys({ sig: slot + 2 }) });
    const requests = [
      { op: OP.Create, clusterName: `ahead-${transport}`, clusterSize: 2 },
      { op: OP.Join },
      { op: OP.GetCluster },
      { op: OP.Bye },
    ];
    const bytes = requests.map((request) => client.encrypt(request));
    if (transport === 'tcp') await client.sendRaw(Buffer.concat(bytes));
    else for (const frame of bytes) await client.sendRaw(frame);
    for (const op of [OP.CreateReply, OP.JoinReply, OP.ClusterMembers, OP.Ack]) {
      expect((await client.receive()).op).toBe(op);
    }
    expect(await client.waitClosed()).toEqual(properClose);
  });

  it('completes a cluster of 64 with members of all three dialects, told to a sealed one in one reply', async () => {
    const name = `three-dialects-${transport}`;
    const sealed = await connect(transport);
    await sealed.identify({ name: 'sealed-0', keys: makeMemberKeys({ sig: slot + 3 }) });
    const { clusterId } = await sealed.create(name, 64);
    await sealed.join();
    for (let i = 1; i < 64; i++) {
      const dialect = (['chained', 'prefixed', 'sealed'] as const)[i % 3]!;
      const member = { name: `${dialect}-${i}`, myEnds: [`127.0.0.1:${4_000 + i}`] };
      if (dialect === 'sealed') {
        const client = await connect(transport);
        // One SigKey serves several members, under IDs that are not its hash.
        await client.identify({ ...member, keys: makeMemberKeys({ sig: slot + 4 }), id: Buffer.alloc(32, name + i) });
        await client.join(name);
        await client.bye();
      } else {
        const { client } = await registry.register({ dialect, transport }, member);
        await client.join(name);
        await client.bye();
      }
    }
    const { which, tokens } = await sealed.getCluster(clusterId);
    expect(which).toBe(2n ** 64n - 1n);
    expect(tokens).toHaveLength(64);
    tokens.forEach((token, i) => {
      expect(token.statement === undefined, token.name).toBe(i % 3 !== 2 && i !== 0);
    });
    const old = await registry.connect({ dialect: 'prefixed', transport, receive: 'gather' });
    await old.identify(signedToken({ name: 'reader' }));
    const seen = new Map<string, object>();
    while (seen.size < 64) for (const token of (await old.getCluster(clusterId)).tokens) seen.set(token.name!, token);
    expect([...seen.keys()].sort()).toEqual(tokens.map((token) => token.name!).sort());
  });
});
