// Verdicts on older statements once a saved roster has shown that the registry was restored from a backup (W4).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rosterOf } from '../../src/client/cluster.ts';
import { HomeMemory } from '../../src/client/home-memory.ts';
import type { ClusterMember, Member } from '../../src/client/index.ts';
import { stateFor } from '../../src/client/statements.ts';
import { RosterVerifier } from '../../src/client/verification.ts';
import { longOf, type Token } from '../../src/wire/message.ts';
import type { RegCred } from '../../src/wire/reg-cred.ts';
import { signStatement } from '../../src/wire/statement.ts';
import { newMember } from '../support/new-member.ts';

const registryId = Buffer.alloc(32, 1);
const clusterId = Buffer.alloc(32, 2);
let home: string;
let alice: Member;
let token: Token;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'xlreg-restored-'));
  alice = newMember({ name: 'alice', endPoints: ['192.0.2.1:1'] });
  const regCred = { id: registryId, sigKey: alice.commsKey } as unknown as RegCred;
  ({ token } = await stateFor(alice, regCred));
});
afterAll(() => rm(home, { recursive: true }));

/** A verifier of a new process with the same home. */
function verifier(id = 'ab'.repeat(32)): RosterVerifier {
  return new RosterVerifier({ registryId, id, sigKey: new Uint8Array(0), memory: new HomeMemory(home) });
}

async function verdictOn(seq: number): Promise<Partial<ClusterMember>> {
  const Tokens = [signStatement(registryId, token, seq, alice.sigKey)];
  const roster = rosterOf({ ClusterID: clusterId, Which: longOf(1n), Tokens }, undefined, 2);
  const [{ verified, unverified, restored }] = (await verifier().verify(roster, Tokens)).members as [ClusterMember];
  return { verified, unverified, restored };
}

const learn = (term: number) => verifier().learnTerm(clusterId.toString('hex'), term);
const sound = { verified: true, unverified: undefined, restored: undefined };
const older = { verified: false, unverified: 'older', restored: undefined };

it('makes older a warning in a higher term, until the member returns', async () => {
  await learn(1);
  expect(await verdictOn(11)).toEqual(sound);
  expect(await verdictOn(10)).toEqual(older);
  await learn(1);
  expect(await verdictOn(10)).toEqual(older);
  await learn(1_800_000_000);
  for (const _ of [1, 2]) expect(await verdictOn(10)).toEqual({ ...sound, restored: true });
  expect(await verdictOn(12)).toEqual(sound);
  expect(await verdictOn(10)).toEqual(older);
});

it('keeps older an error while no lower term was known', async () => {
  await rm(home, { recursive: true });
  home = await mkdtemp(join(tmpdir(), 'xlreg-restored-'));
  expect(await verdictOn(11)).toEqual(sound);
  await learn(1_800_000_000);
  expect(await verdictOn(10)).toEqual(older);
});
