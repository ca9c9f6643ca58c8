// Values of the library in JSON.stringify and console.log: readable, without a secret, IDs as lower-case hex.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JSON_FORMS } from '../../src/cli/json-forms.ts';
import {
  connect,
  createMember,
  createVisitor,
  joinCluster,
  keyFingerprint,
  type Member,
  openMember,
  openStreams,
  parseRegCred,
} from '../../src/client/index.ts';
import { startRegistry, type TestRegistry, withCluster } from '../../src/testing/index.ts';
import { printSshRsa } from '../../src/wire/rsa-key.ts';

const ID = /^[0-9a-f]{64}$/;
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

let registry: TestRegistry;
let home: string;
let members: readonly Member[];
beforeAll(async () => {
  registry = await startRegistry();
  home = await mkdtemp(join(tmpdir(), 'xlreg-printing-'));
  const spec = { name: 'alice', endPoints: ['127.0.0.1:4001'], labels: { rack: '7' }, attrs: 4n };
  members = [await createMember(spec), await openMember(join(home, 'alice'), spec), registry.member('alice', spec)];
});
afterAll(async () => {
  await registry.stop();
  await rm(home, { recursive: true });
});

/** Each encoding in which a private key could appear. */
function secretsOf(key: KeyObject): string[] {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const tail = der.subarray(-32);
  return [tail.toString('hex'), tail.toString('base64').slice(0, 40), tail.toString('base64url').slice(0, 40)];
}

const printed = (value: unknown) => [JSON.stringify(value), inspect(value), inspect({ in: [value] }, { depth: 9 })];
const parsed = (value: unknown) => JSON.parse(JSON.stringify(value));

describe('a member with its keys', () => {
  it('prints its public parts alone', () => {
    for (const member of members) {
      const expected = {
        name: 'alice',
        endPoints: ['127.0.0.1:4001'],
        attrs: '4',
        labels: { rack: '7' },
        id: member.id,
        commsKey: printSshRsa(createPublicKey(member.commsKey)),
        sigKey: printSshRsa(createPublicKey(member.sigKey)),
        sealKey: expect.stringMatching(ID),
      };
      expect(member.id).toMatch(ID);
      expect(parsed(member)).toEqual(expected);
      expect(JSON.stringify({ in: [member] })).toContain(expected.sigKey);
      expect(inspect({ in: [member] }, { depth: 9 })).toContain(keyFingerprint(createPublicKey(member.sigKey)));
      for (const text of printed(member)) {
        for (const key of [member.commsKey, member.sigKey, member.sealKey!]) {
          for (const secret of secretsOf(key)) expect(text).not.toContain(secret);
        }
      }
    }
  });

  it('prints a visitor, and shows no secret of a copy', async () => {
    const visitor = await createVisitor();
    expect(parsed(visitor)).toMatchObject({ attrs: '3', endPoints: [], sigKey: expect.stringMatching(/^ssh-rsa /) });
    const copy = { ...visitor, name: 'copy' };
    for (const secret of secretsOf(visitor.sigKey)) expect(inspect(copy)).not.toContain(secret);
  });
});

it('prints the credentials of a registry', () => {
  const regCred = parseRegCred(registry.regCredText);
  expect(JSON_FORMS.regcred.parse(parsed(regCred))).toMatchObject({
    name: 'xlReg',
    id: Buffer.from(regCred.id).toString('hex'),
    commsKey: { fingerprint: expect.stringMatching(FINGERPRINT) },
    sigKey: { fingerprint: registry.fingerprint },
    endPoints: [registry.address],
    version: '1.0',
  });
  expect(inspect(regCred)).toContain(`sigKey: '${registry.fingerprint}'`);
});

it('prints what a session returns, in each dialect, alike from cluster() and from a watch', async () => {
  for (const dialect of ['sealed', 'prefixed'] as const) {
    await withCluster(
      2,
      async ({ members, clusterId, registry }) => {
        const { session, roster, member } = members[1]!;
        const shown = JSON_FORMS.members.parse(parsed(roster));
        expect(shown).toMatchObject({
          clusterId,
          size: 2,
          ...{ full: true, complete: true, ...(dialect === 'sealed' && { epoch: 1 }) },
        });
        expect(shown.members[1]).toMatchObject({
          ...{ index: 1, name: 'member-1', id: expect.stringMatching(ID), attrs: '0' },
          ...{ sigKey: printSshRsa(createPublicKey(member.sigKey)), verified: dialect === 'sealed' },
          ...(dialect === 'sealed' && { sealKey: expect.stringMatching(ID), labels: {} }),
        });
        const watched: unknown[] = [];
        for await (const seen of session.members({ id: clusterId })) watched.push(parsed(seen));
        expect(watched).toEqual(shown.members);
        expect(inspect(roster)).toContain(`id: '${shown.members[1]!.id}'`);
        expect(inspect(roster)).toContain(`sigKey: '${keyFingerprint(createPublicKey(member.sigKey))}'`);
        expect(parsed(await session.credentials())).toMatchObject({
          id: Buffer.from(registry.regCred.id).toString('hex'),
        });
        for (const value of [session, await session.credentials(), roster]) expect(() => printed(value)).not.toThrow();
        if (dialect === 'sealed') {
          const { roster: saved } = await session.savedRoster({ id: clusterId });
          const form = JSON_FORMS.verify.parse(parsed(saved));
          expect(form).toMatchObject({ clusterId, epoch: 1, members: [{ attrs: '0' }, { index: 1 }] });
        }
      },
      { name: 'printed', connect: { dialect } },
    );
  }
});

it('prints a joined cluster: JSON as xlreg members does, console.log its state and the names', async () => {
  const join = (name: string) =>
    joinCluster({
      ...{ registry: registry.regCred, cluster: 'shown', size: 2, name, endPoints: ['127.0.0.1:4001'] },
      ...{ store: registry.store(name), until: 'joined' },
    });
  await using first = await join('first');
  expect(inspect(first)).toMatch(/^Cluster \{\s+name: 'shown',\s+complete: false,\s+epoch: 0,/);
  await using second = await join('second');
  for await (const { type } of second.changes()) if (type === 'complete') break;
  const json = JSON_FORMS.members.parse(parsed(second));
  expect(json).toMatchObject({ cluster: 'shown', size: 2, full: true, complete: true, epoch: 1 });
  expect(json.members.map(({ name }) => name)).toEqual(['first', 'second']);
  expect(inspect(second)).toMatch(/connected: true,\s+self: 'second',\s+members: \[ 'first', 'second' \]/);
});

it('prints an identity', async () => {
  await using session = await connect(registry.regCred);
  const member = registry.member('printer', { attrs: 4n });
  expect(parsed(await session.identify(member))).toEqual({ id: member.id, attrs: '4' });
});

it('prints the peers of streams, and dials one by the ID of a roster', async () => {
  await withCluster(
    2,
    async ({ clusterId, members }) => {
      const [left, right] = members;
      await using listener = await openStreams(registry.regCred, right!.member, { id: clusterId });
      const [peer] = listener.peers;
      expect(parsed(peer)).toEqual({
        ...{ name: 'member-0', id: left!.member.id, endPoints: ['127.0.0.1:4001'] },
        ...{ sealKey: expect.stringMatching(ID), verified: true },
      });
      // Nobody listens there: the ID was understood.
      await expect(listener.dial(left!.member.id!)).rejects.toMatchObject({ code: 'STREAM_UNREACHABLE' });
      await expect(listener.dial('no id')).rejects.toThrow(TypeError);
    },
    { registry, name: 'streamed' },
  );
});
