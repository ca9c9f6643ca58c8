// The drain: the registry answers messages in work, refuses later ones, closes silent sessions and loses no commit.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startXlreg } from '../cli/xlreg-process.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { OP } from '../field/protobuf.ts';
import { adminToken } from '../support/admin-token.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';

const DRAIN_REFUSAL = { op: OP.Error, errDesc: 'server is shutting down', tokens: [] };

/** Resolves when the registry has logged its drain. */
async function draining(registry: FieldRegistry): Promise<void> {
  await until(() => registry.process.stderr().includes('"draining"'));
}

const readyz = (registry: FieldRegistry) => fetch(`http://127.0.0.1:${registry.process.adminPort}/readyz`);

describeEachEngine('SIGTERM, with the engine %s', (engine) => {
  it('refuses the next message of each session and answers a Bye, on every wire (S7)', async () => {
    const registry = await FieldRegistry.start({ args: ['--web-engine', engine] });
    const askers = await Promise.all(WIRES.map((wire, at) => registry.register(wire, { name: `asker${at}` })));
    const leavers = await Promise.all(WIRES.map((wire) => registry.connect(wire)));
    const stranger = await registry.open(WIRES[0]!);
    process.kill(registry.process.pid, 'SIGTERM');
    await draining(registry);
    const red = await readyz(registry);
    expect(red.status).toBe(503);
    expect(await red.json()).toMatchObject({ failing: ['listening', 'not-draining'] });
    await stranger.waitClosed();
    await expect(registry.open(WIRES[0]!)).rejects.toThrow('ECONNREFUSED');
    await expect(registry.open(WIRES[2]!)).rejects.toThrow('ECONNREFUSED');
    for (const { client } of askers) {
      expect(await client.request({ op: OP.Create, clusterName: 'late' })).toEqual(DRAIN_REFUSAL);
      await client.waitClosed();
    }
    for (const client of leavers) await client.bye();
    expect(await registry.process.exited).toBe(0);
    registry.closeClients();
  });
});

it('serves earlier messages and keeps every acknowledged change (S7)', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'xlreg-drain-'));
  const registry = await FieldRegistry.start({ args: ['--store', 'lmdb'], dataDir });
  const wire = WIRES[1]!;
  const members = await Promise.all(
    Array.from({ length: 8 }, (_, at) => registry.register(wire, { name: `member${at}` })),
  );
  const { clusterId } = await members[0]!.client.create('kept', 8);
  // Each member repeats its Join until the registry refuses it.
  const joined = await Promise.all(
    members.map(async ({ client }, at) => {
      for (let acknowledged = 0; ; acknowledged++) {
        if (at === 0 && acknowledged === 5) process.kill(registry.process.pid, 'SIGTERM');
        const reply = await client.request({ op: OP.Join, clusterId: clusterId! });
        if (reply.op === OP.JoinReply) continue;
        expect(reply).toEqual(DRAIN_REFUSAL);
        return acknowledged;
      }
    }),
  );
  expect(Math.min(...joined)).toBeGreaterThan(0);
  expect(await registry.process.exited).toBe(0);
  registry.closeClients();

  const again = await FieldRegistry.start({ args: ['--store', 'lmdb'], dataDir });
  const { client } = await again.register(wire, { name: 'reader' });
  expect((await client.getCluster(clusterId!)).tokens).toHaveLength(8);
  expect(await again.stop()).toBe(0);
  rmSync(dataDir, { recursive: true });
});

it('closes silent sessions after the grace period (S7)', async () => {
  const registry = await FieldRegistry.start({ args: ['--drain-grace-ms', '200'] });
  const clients = await Promise.all(WIRES.map((wire) => registry.connect(wire)));
  process.kill(registry.process.pid, 'SIGTERM');
  for (const client of clients) expect((await client.waitClosed()).bytes).toHaveLength(0);
  expect(await registry.process.exited).toBe(0);
  expect(registry.process.stderr().match(/"end":"stopped"/g)).toHaveLength(4);
});

it.each(['SIGTERM', 'SIGINT'] as const)('ends at once on a second signal, %s', async (second) => {
  const registry = await FieldRegistry.start();
  await registry.connect(WIRES[1]!);
  process.kill(registry.process.pid, 'SIGTERM');
  await draining(registry);
  process.kill(registry.process.pid, second);
  expect(await registry.process.exited).toBeNull();
  expect(registry.process.endedBy()).toBe(second);
  registry.closeClients();
});

describe('xlreg drain', () => {
  it('drains the registry and waits for its end', async () => {
    const registry = await FieldRegistry.start();
    const client = await registry.connect(WIRES[1]!);
    const command = startXlreg([
      'drain',
      ...['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir],
    ]);
    await draining(registry);
    expect(await client.request({ op: OP.RegCredRequest })).toEqual(DRAIN_REFUSAL);
    expect(await command.ended).toEqual({ code: 0, stdout: 'drained\n', stderr: '' });
    expect(await registry.process.exited).toBe(0);
    registry.closeClients();
  });

  it('ends with 3 without a registry; the admin port refuses foreign origins and GET', async () => {
    const registry = await FieldRegistry.start();
    expect(
      await startXlreg(['drain', '--admin', '127.0.0.1:1', '--data-dir', registry.process.dataDir]).ended,
    ).toMatchObject({ code: 3 });
    const url = `http://127.0.0.1:${registry.process.adminPort}/drain`;
    expect((await fetch(url, { method: 'POST', headers: { origin: 'http://example.org' } })).status).toBe(403);
    expect((await fetch(url)).status).toBe(405);
    expect((await readyz(registry)).status).toBe(200);
    expect(await registry.stop()).toBe(0);
  });
});

it('ends cleanly during operator requests and refuses those that come too late (E6)', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'xlreg-drain-'));
  const registry = await FieldRegistry.start({ args: ['--store', 'lmdb'], dataDir });
  const headers = { authorization: `Bearer ${adminToken(dataDir)}` };
  const url = `http://127.0.0.1:${registry.process.adminPort}/api/clusters/c`;
  const statuses = new Set<number>();
  process.kill(registry.process.pid, 'SIGTERM');
  const asking = Array.from({ length: 8 }, async () => {
    for (;;) {
      const asked = fetch(url, { method: 'DELETE', headers, signal: AbortSignal.timeout(10_000) });
      const failure = await asked.then(
        ({ status }) => void statuses.add(status),
        (error: Error) => error,
      );
      if (failure) return failure.name;
    }
  });
  expect(await registry.process.exited).toBe(0);
  // Every request ended: with an answer or with a closed connection.
  expect(await Promise.all(asking)).not.toContain('TimeoutError');
  for (const status of statuses) expect([404, 503]).toContain(status);
  rmSync(dataDir, { recursive: true });
});
