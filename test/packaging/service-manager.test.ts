// Messages of a registry to systemd, on a stand-in for its socket: ready, reloading, stopping, and a watchdog ping only
// while the threads work.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startXlreg } from '../cli/xlreg-process.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { compileStalls } from '../support/stalling-threads.ts';
import { until } from '../support/until.ts';
import { canNotify, NotifySocket } from './notify-socket.ts';

const made = mkdtempSync(join(tmpdir(), 'xlreg-notify-'));
const newStalls = compileStalls(made);
afterAll(() => rmSync(made, { recursive: true }));

describe.skipIf(!canNotify())('a registry under systemd', () => {
  let systemd: NotifySocket;
  beforeEach(async () => {
    systemd = await NotifySocket.open();
  });
  afterEach(() => systemd.close());

  it('reports that it is ready, each reload, and its stop', async () => {
    const registry = await FieldRegistry.start({ env: { NOTIFY_SOCKET: systemd.path } });
    const { tcpPort } = registry.process;
    expect(await systemd.next(/./)).toMatch(new RegExp(`^READY=1 STATUS=ready tcp=127\\.0\\.0\\.1:${tcpPort} ws=`));
    process.kill(registry.process.pid, 'SIGHUP');
    expect(await systemd.next(/./)).toMatch(/^RELOADING=1 MONOTONIC_USEC=\d+$/);
    expect(await systemd.next(/./)).toBe('READY=1');
    expect(await registry.stop()).toBe(0);
    expect(await systemd.next(/./)).toBe('STOPPING=1 STATUS=draining');
    expect(systemd.messages).toEqual([]);
  });

  it('reports nothing if it cannot start', async () => {
    const dataDir = join(made, 'never');
    const env = { NOTIFY_SOCKET: systemd.path };
    expect((await startXlreg(['serve', '--data-dir', dataDir, '--tcp', 'name.invalid:0'], { env }).ended).code).toBe(2);
    expect(systemd.messages).toEqual([]);
  });

  it.skipIf(!newStalls)('pings the watchdog unless the coordinator is stuck', async () => {
    const stalls = newStalls!();
    const env = { ...stalls.env, NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: '900000' };
    const registry = await FieldRegistry.start({ args: ['--store', 'lmdb'], env });
    const { client } = await registry.register(WIRES[0]!, { name: 'alice' });
    for (const _ of [1, 2]) await systemd.next(/^WATCHDOG=1$/);
    stalls.stall('sync');
    const created = client.create('waits', 2);
    await stalls.stalled('sync');
    await until(() => registry.process.stderr().includes('the watchdog gets no ping'));
    systemd.messages.splice(0);
    // Three more intervals, told by the clock of the server's own silence, bring no ping.
    const silentSeconds = async () =>
      Number(/^xlreg_coordinator_silent_seconds (\S+)$/m.exec(await registry.process.metrics())![1]);
    await until(async () => (await silentSeconds()) > 2);
    expect(systemd.messages).toEqual([]);
    stalls.letGo();
    await created;
    await systemd.next(/^WATCHDOG=1$/);
    expect(await registry.stop()).toBe(0);
    await systemd.next(/^STOPPING=1/);
  });
});
