// Attacks with tokens that others have seen: each is refused, and the victim's record stays. docs/reference/protocol.md
// lists all attacks of this kind with their tests.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { longOf, Op, type Token } from '../../src/wire/message.ts';
import { signPss } from '../../src/wire/pss.ts';
import { certifiedId, clientProof, statementBytes, statementDigest } from '../../src/wire/statement.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import type { RegistryFile } from '../field/registry-file.ts';
import { SealedClient, statedToken } from '../support/sealed-client.ts';

let registry: FieldRegistry;
beforeAll(async () => {
  registry = await FieldRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const victim = makeMemberKeys({ sig: 1 });
const attacker = makeMemberKeys({ sig: 2 });
const connect = (file: RegistryFile = registry.file) => SealedClient.connect('tcp', registry.process.tcpPort, file);
const error = (ErrDesc: string) => ({ Op: Op.Error, ErrDesc });

/** The victim's record as the cluster shows it. */
async function onRecord(cluster: string): Promise<Token> {
  const reader = await connect();
  await reader.registerMember({ name: 'reader', keys: makeMemberKeys({ sig: 3 }) });
  const { Tokens } = await reader.roster(cluster);
  reader.close();
  return Tokens![0]!;
}

describe('an old token of a member that has moved to sealed', () => {
  const id = Buffer.alloc(32, 0x51);

  it.each(WIRES)(
    'registers nobody over $transport in $dialect: with its ID, without, with another (L6)',
    async (wire) => {
      const name = `upgraded-${wire.transport}-${wire.dialect}`;
      const keys = makeMemberKeys({ sig: 10 + WIRES.indexOf(wire) });
      // The signature of such a token does not cover the ID (T7).
      const fields = { name, keys, myEnds: ['127.0.0.1:4001'] };
      const old = await registry.register(wire, {
        ...fields,
        id: Buffer.from([...id.subarray(1), WIRES.indexOf(wire)]),
      });
      const sealed = await connect();
      const token = { ID: old.clientId, MyEnds: ['127.0.0.1:4002'] };
      expect((await sealed.registerMember({ name, keys, token })).reply).toMatchObject({ Op: Op.ClientOK });
      await sealed.create(name, 2);
      await sealed.join(name);
      const before = await onRecord(name);
      for (const ID of [old.clientId, undefined, randomBytes(32)]) {
        const thief = await registry.connect(wire);
        const reply = await thief.request({ op: Op.Client, clientSpecs: signedToken({ ...fields, id: ID }) });
        expect(reply, `${ID?.toString('hex')}`).toMatchObject({ op: Op.Error, errDesc: 'ID already in use' });
      }
      expect(await onRecord(name)).toEqual(before);
      sealed.close();
    },
  );
});

describe("another member's statement", () => {
  const seq = Date.now();
  const SealKey = Buffer.alloc(32, 9);
  let good: Token;
  beforeAll(async () => {
    const client = await connect();
    const member = { name: 'victim', keys: victim, seq, token: { SealKey, Labels: 'zone=a' } };
    good = (await client.registerMember(member)).token;
    await client.create('victims', 2);
    await client.join('victims');
    client.close();
  });

  const own = () => statedToken(registry.file.id, { name: 'attacker', keys: attacker });
  it.each<{ what: string; make: () => Token }>([
    { what: 'under another ID', make: () => ({ ...good, ID: Buffer.alloc(32, 3) }) },
    { what: "under the attacker's ID", make: () => ({ ...good, ID: certifiedId(attacker.sigKey) }) },
    { what: "with the attacker's SigKey", make: () => ({ ...good, SigKey: attacker.sigKey }) },
    { what: 'with another comms key', make: () => ({ ...good, CommsKey: makeMemberKeys({ comms: 1 }).commsKey }) },
    { what: 'with another name', make: () => ({ ...good, Name: 'other' }) },
    { what: 'with another end point', make: () => ({ ...good, MyEnds: ['127.0.0.1:6666'] }) },
    { what: "with the attacker's SealKey", make: () => ({ ...good, SealKey: Buffer.alloc(32, 8) }) },
    { what: 'with other labels', make: () => ({ ...good, Labels: 'zone=b' }) },
    { what: 'without labels', make: () => ({ ...good, Labels: '' }) },
    { what: 'with a higher seq', make: () => ({ ...good, Seq: longOf(BigInt(seq) + 1n) }) },
    { what: "on the attacker's token", make: () => ({ ...own(), Statement: good.Statement! }) },
    { what: 'as it is, with a proof of the attacker', make: () => good },
  ])('registers nobody $what (L1, L2)', async ({ make }) => {
    const before = await onRecord('victims');
    const client = await connect();
    expect(await client.register(make(), attacker)).toMatchObject(error('bad digital signature'));
    expect(await onRecord('victims')).toEqual(before);
  });

  it("registers nobody with a proof that another registry got, even under this registry's ID (L2)", async () => {
    // A registry with a forged regCred.dat has this one's ID, and its own sk: the member signs a statement for this ID.
    // Its proof names the session with the forger.
    const forgersSession = randomBytes(32);
    const digest = statementDigest(statementBytes(registry.file.id, good));
    const DigSig = signPss(victim.sigPrivate, clientProof(forgersSession, digest));
    const client = await connect();
    const reply = await client.ask({ Op: Op.Client, ClientSpecs: good, DigSig });
    expect(reply).toMatchObject(error('bad digital signature'));
  });
});

it('a forged regCred.dat with the right comms key opens no session with the registry (Z1)', async () => {
  const forged = { ...registry.file, sigKey: registry.file.commsKey };
  await expect(connect(forged)).rejects.toThrow('closed without a Reply');
});
