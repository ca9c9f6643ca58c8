// Sessions of the sealed dialect against a real registry, over TCP and both WebSocket engines, beside clients of the
// old dialects.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bigintOf, Op } from '../../src/wire/message.ts';
import { certifiedId } from '../../src/wire/statement.ts';
import { FieldRegistry } from '../field/field-registry.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { SealedClient } from '../support/sealed-client.ts';
import { describeEachEngine } from '../support/web-engines.ts';

const transports = ['tcp', 'ws'] as const;

describeEachEngine('with the engine %s', (engine) => {
  let registry: FieldRegistry;
  beforeAll(async () => {
    registry = await FieldRegistry.start({ args: ['--web-engine', engine, '--workers', '2'] });
  });
  afterAll(async () => {
    expect(await registry.stop()).toBe(0);
  });

  const connect = (transport: 'tcp' | 'ws') => {
    const { tcpPort, wsPort } = registry.process;
    return SealedClient.connect(transport, transport === 'tcp' ? tcpPort : wsPort, registry.file);
  };

  it('is dispatched and served over TCP, cut at every byte (Z2, Z5)', async () => {
    const client = await SealedClient.open('tcp', registry.process.tcpPort, registry.file);
    const sendCut = async (bytes: Buffer) => {
      for (const byte of bytes) {
        client.wire.send(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await client.hello((bytes) => void sendCut(bytes));
    await sendCut(client.encrypt({ Op: Op.RegCredRequest }));
    expect(await client.receive()).toMatchObject({ Op: Op.RegCredReply });
    client.close();
  });

  it.each([0, 17, 16_385, 65_535])('closes at a frame length of %i before its bytes come (Z5)', async (length) => {
    const client = await connect('tcp');
    const head = Buffer.alloc(2);
    head.writeUInt16BE(length);
    client.wire.send(head);
    expect(await client.wire.closed()).toEqual(Buffer.alloc(0));
  });

  it.each(transports)('closes over %s at a frame that does not authenticate (Z5)', async (transport) => {
    const client = await connect(transport);
    const frame = client.encrypt({ Op: Op.RegCredRequest });
    frame[frame.length - 1]! ^= 1;
    client.wire.send(frame);
    expect(await client.wire.closed()).toEqual(Buffer.alloc(0));
  });

  describe.each(transports)('over %s', (transport) => {
    it('serves a whole session beside the old dialects (Z5)', async () => {
      const name = `mixed-${transport}`;
      const keys = makeMemberKeys({ sig: 1 });
      const sealed = await connect(transport);
      const { token, reply } = await sealed.registerMember({ name: 'sealed', keys, token: { Labels: 'zone=a' } });
      expect(reply).toMatchObject({ Op: Op.ClientOK, ClientID: certifiedId(keys.sigKey) });
      expect(await sealed.create(name, 3)).toMatchObject({ Op: Op.CreateReply, ClusterSize: 3 });
      expect(await sealed.join(name)).toMatchObject({ Op: Op.JoinReply });
      for (const dialect of ['chained', 'prefixed'] as const) {
        const { client } = await registry.register({ dialect, transport }, { name: dialect });
        await client.create(name, 3);
        await client.join();
        const old = await client.getCluster();
        expect(old.tokens!.map((one) => one.name)).toContain('sealed');
        for (const one of old.tokens!) expect(one.digSig).toBeUndefined();
      }
      const roster = await sealed.roster(name);
      const again = await sealed.roster(name);
      expect(again.Tokens).toEqual(roster.Tokens);
      expect(roster.Tokens!.map((one) => [one.Name, one.Statement?.length])).toEqual([
        ['sealed', 256],
        ['chained', undefined],
        ['prefixed', undefined],
      ]);
      const { DigSig: _, ...stated } = token;
      expect({ ...roster.Tokens![0] }).toMatchObject({ ...stated, Seq: expect.anything() });
      expect(bigintOf(roster.Tokens![0]!.Seq)).toBe(bigintOf(token.Seq));
      expect(await sealed.bye()).toMatchObject({ Op: Op.Ack });
      expect(await sealed.receive()).toBeUndefined();
    });

    it('tells its credentials without DigSig, and the address it sees (S6)', async () => {
      const client = await connect(transport);
      const reply = await client.ask({ Op: Op.RegCredRequest });
      expect(reply).toMatchObject({ Op: Op.RegCredReply, ObservedAddress: '127.0.0.1' });
      expect(reply.ClientSpecs!.DigSig).toBeNull();
      expect(Buffer.from(reply.ClientSpecs!.ID!)).toEqual(registry.file.id);
      client.close();
    });

    it('serves requests that are sent ahead, in order (F7)', async () => {
      const client = await connect(transport);
      await client.registerMember({ name: 'ahead', keys: makeMemberKeys({ sig: 2 }) });
      const names = Array.from({ length: 8 }, (_, place) => `ahead-${transport}-${place}`);
      for (const name of names) client.send({ Op: Op.Create, ClusterName: name, ClusterSize: 2 });
      const replies = [];
      for (const _ of names) replies.push(await client.receive());
      expect(replies.map((reply) => reply?.Op)).toEqual(names.map(() => Op.CreateReply));
      client.close();
    });
  });

  it('shows the dialect in metrics and in the log', async () => {
    const metrics = await registry.process.metrics();
    for (const transport of transports) {
      const line = new RegExp(`xlreg_sessions_started_total\\{dialect="sealed",transport="${transport}"\\} [1-9]`);
      expect(metrics).toMatch(line);
    }
    expect(metrics).toMatch(/xlreg_stage_seconds_count\{stage="sealed-hello"\} [1-9]/);
    expect(registry.process.stderr()).toContain('"dialect":"sealed"');
  });
});
