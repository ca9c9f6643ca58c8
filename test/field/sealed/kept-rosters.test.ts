// Rosters to keep, fetched from a real registry and checked by the second implementation: each changed byte, older epochs,
// and the file that the command line saves.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeMemberKeys } from '../member-keys.ts';
import { type MessageInput, OP } from '../protobuf.ts';
import { ClusterView } from './cluster-view.ts';
import { FormingRegistry, SEALED_WIRES } from './forming-registry.ts';
import { type KeptRoster, parseBody, parseFile, SeenEpochs, verifyRoster } from './kept-roster.ts';
import { sha256 } from './noise.ts';
import type { SealedClient } from './sealed-client.ts';

const MAIN = fileURLToPath(new URL('../../../dist/src/cli/main.js', import.meta.url));

let registry: FormingRegistry;
beforeAll(async () => {
  registry = await FormingRegistry.start();
});
afterEach(() => registry.closeClients());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

async function fetchRoster(client: SealedClient, fields: MessageInput = {}): Promise<KeptRoster> {
  const reply = await client.call({ op: OP.GetRoster, ...fields }, OP.SavedRoster);
  return { body: reply.rosterBody!, signature: reply.rosterSignature!, tokens: reply.tokens };
}

describe.each(SEALED_WIRES)('over $label', (wire) => {
  const prefix = wire.label.replaceAll(/[^a-zA-Z]/g, '');

  it('verifies each epoch, refuses an older one, and follows the chain of bodies (W1 to W4)', async () => {
    const clusterName = `${prefix}-epochs`;
    const [first, second] = await Promise.all([0, 1].map((slot) => registry.member(wire, slot)));
    const { clusterId } = await first!.client.create(clusterName, 3);
    await first!.client.join();
    const early = await registry.member(wire, 4);
    expect(await registry.told(early.client, { op: OP.GetRoster, clusterName })).toMatchObject({
      ...{ code: 51, errDesc: 'cluster is not complete', retryable: true, retryAfterMs: 1_000 },
    });
    const old = { dialect: 'prefixed', transport: wire.transport } as const;
    const keys = makeMemberKeys({ sig: 91 });
    const { client: unsealed } = await registry.registry.register(old, { name: 'old', keys });
    await second!.client.join(clusterName);
    await unsealed.join(clusterName);
    await new ClusterView(clusterId!).complete(first!.client);

    const seen = new SeenEpochs();
    const whole = await fetchRoster(first!.client, { clusterId });
    const body = verifyRoster(registry.trusted, whole);
    expect(body).toMatchObject({ name: clusterName, term: 1n, epoch: 1n, before: Buffer.alloc(32) });
    expect(body.seats.map(({ kind }) => kind)).toEqual([1, 1, 2]);
    expect(Math.abs(Number(body.time) - Date.now())).toBeLessThan(60_000);
    seen.note(whole.body);

    await second!.client.call({ op: OP.Leave, clusterName }, OP.LeaveReply);
    const later = await fetchRoster(first!.client, { clusterName });
    expect(verifyRoster(registry.trusted, later)).toMatchObject({ epoch: 2n, before: sha256(whole.body) });
    expect(parseBody(later.body).seats.map(({ kind }) => kind)).toEqual([1, 0, 2]);
    seen.note(later.body);
    seen.note(later.body);
    expect(() => seen.note(whole.body)).toThrow('(1, 1) is older than (1, 2)');
  });

  it('allows one move a second in a complete cluster (W1)', async () => {
    const clusterName = `${prefix}-moves`;
    const members = await Promise.all([0, 1].map((slot) => registry.member(wire, slot)));
    const { clusterId } = await members[0]!.client.create(clusterName, 2);
    const view = new ClusterView(clusterId!);
    for (const { client } of members) await client.join(clusterName);
    await view.complete(members[0]!.client);

    // Moves until one comes within a second of the one before: the machine may be slow.
    const request = { op: OP.Join, clusterName };
    let moved = 0;
    for (;;) {
      const { client } = await registry.member(wire, 1, 'm1', { myEnds: [`127.0.0.1:${5_000 + moved}`] });
      const reply = await client.request(request);
      if (reply.op === OP.Error) {
        expect(reply).toMatchObject({ code: 50, errDesc: 'too many moves', retryable: true, retryAfterMs: 1_000 });
        break;
      }
      // A Join that changes nothing is no move.
      expect((await client.request(request)).op).toBe(OP.JoinReply);
      moved += 1;
      await view.ask(members[0]!.client);
      expect(view.epoch).toBe(BigInt(1 + moved));
    }
    expect(moved).toBeGreaterThan(0);
  });
});

it('refuses a roster with any byte changed (W2, W3)', async () => {
  const wire = SEALED_WIRES[0]!;
  const members = await Promise.all([0, 1].map((slot) => registry.member(wire, slot)));
  const { clusterId } = await members[0]!.client.create('changed', 2);
  for (const { client } of members) await client.join('changed');
  await new ClusterView(clusterId!).complete(members[0]!.client);
  const whole = await fetchRoster(members[0]!.client, { clusterId });
  verifyRoster(registry.trusted, whole);

  const flipped = (bytes: Buffer, at: number): Buffer => {
    const out = Buffer.from(bytes);
    out[at]! ^= 1 << (at % 8);
    return out;
  };
  for (const part of ['body', 'signature'] as const) {
    for (let at = 0; at < whole[part].length; at++) {
      const changed = { ...whole, [part]: flipped(whole[part], at) };
      expect(() => verifyRoster(registry.trusted, changed), `${part} ${at}`).toThrow();
    }
  }
  const [token, other] = whole.tokens;
  const changes = [
    [{ ...token!, myEnds: ['127.0.0.1:4002'] }, other!],
    [{ ...token!, name: 'm9' }, other!],
    [{ ...token!, seq: token!.seq! + 1n }, other!],
    [{ ...token!, statement: flipped(token!.statement!, 9) }, other!],
    [other!, token!],
    [token!],
    [token!, other!, other!],
  ];
  for (const tokens of changes) expect(() => verifyRoster(registry.trusted, { ...whole, tokens })).toThrow();
  const stranger = { id: registry.trusted.id, sigKey: members[0]!.keys.sigPrivate };
  expect(() => verifyRoster(stranger, whole)).toThrow('not signed by the registry');
  expect(() => verifyRoster({ ...registry.trusted, id: sha256('another') }, whole)).toThrow('of another registry');
});

it('reads the file of `xlreg members --save` (W5)', async () => {
  const wire = SEALED_WIRES[0]!;
  const members = await Promise.all([0, 1].map((slot) => registry.member(wire, slot)));
  const { clusterId } = await members[0]!.client.create('saved', 2);
  for (const { client } of members) await client.join('saved');
  await new ClusterView(clusterId!).complete(members[0]!.client);

  const directory = await mkdtemp(join(tmpdir(), 'xlreg-kept-'));
  try {
    const { dataDir, tcpPort } = registry.registry.process;
    const file = join(directory, 'saved.roster');
    const where = ['--registry', join(dataDir, 'regCred.dat'), '--connect', `127.0.0.1:${tcpPort}`];
    await promisify(execFile)(process.execPath, [MAIN, 'members', 'saved', '--save', file, ...where], {
      env: { ...process.env, XDG_STATE_HOME: directory },
    });
    const kept = parseFile(await readFile(file));
    const { name, seats } = verifyRoster(registry.trusted, kept);
    expect({ name, kinds: seats.map(({ kind }) => kind) }).toEqual({ name: 'saved', kinds: [1, 1] });
    expect(kept.tokens.map(({ name: member }) => member).sort()).toEqual(['m0', 'm1']);
  } finally {
    await rm(directory, { recursive: true });
  }
});
