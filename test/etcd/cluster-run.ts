// Runs three etcd servers, two registry servers with one table, clients over TCP, and one fault after another. It
// checks the clients' observations against a registry without faults, and at the end reads everything again from both
// servers.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import { parseRegCred } from '../../src/wire/reg-cred.ts';
import type { EtcdPrograms } from '../support/debian-programs.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { ClusterLoad } from './cluster-load.ts';
import { historyProblems } from './history.ts';
import { PrivateNetwork } from './private-network.ts';
import { until } from './stores.ts';

export interface ClusterRunOptions {
  readonly programs: EtcdPrograms;
  readonly durationMs: number;
  /** Time from the start of one fault to the start of the next. */
  readonly faultEveryMs: number;
  readonly seed: number;
  readonly log?: (line: string) => void;
}

export interface ClusterRunReport {
  /** Acknowledged Creates and Joins. */
  readonly acknowledged: number;
  readonly operations: number;
  readonly longestGapMs: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Violations, one line each; must be empty. */
  readonly problems: readonly string[];
}

const KEY_FILES = ['id', 'ck.pem', 'sk.pem'];
const FAULTS = ['kill leader', 'stop etcd', 'cut etcd off', 'kill registry'] as const;

/** A seeded source of whole numbers in [0, bound). */
function sequence(seed: number): (bound: number) => number {
  let state = seed >>> 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % bound;
  };
}

export async function clusterRun(options: ClusterRunOptions): Promise<ClusterRunReport> {
  const { programs, durationMs, faultEveryMs, seed, log = () => {} } = options;
  const random = sequence(seed);
  const network = PrivateNetwork.make();
  const directories = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'xlreg-cluster-')));
  const registries: (RegistryProcess | undefined)[] = [];
  let etcd: EtcdCluster | undefined;
  try {
    etcd = await EtcdCluster.start({
      program: programs.etcd,
      servers: 3,
      ...(network && { hosts: [network.here, network.here, network.there], within: [[], [], network.within] }),
    });
    const args = ['--store', etcd.store, '--workers', '1', '--log-level', 'error'];
    const start = (i: number) => startRegistry({ dataDir: directories[i]!, args });
    registries[0] = await start(0);
    for (const file of KEY_FILES) cpSync(join(directories[0]!, file), join(directories[1]!, file));
    registries[1] = await start(1);
    const load = new ClusterLoad((i) => registries[i] && parseRegCred(registries[i].regCredText), random);
    const faults = { 'kill leader': 0, 'stop etcd': 0, 'cut etcd off': 0, 'kill registry': 0 };
    const working = load.run(durationMs);
    const end = performance.now() + durationMs;
    for (let round = 0; performance.now() + faultEveryMs < end; round++) {
      const fault = FAULTS[round % FAULTS.length]!;
      const lasting = Math.min(faultEveryMs / 2, 2_000 + random(8_000));
      if (fault === 'cut etcd off' && !network) continue;
      log(`${fault} for ${lasting} ms; ${load.acknowledged} acknowledged`);
      faults[fault] += 1;
      await wait(faultEveryMs - lasting);
      const server = fault === 'kill leader' ? await etcd.leader() : etcd.servers[random(3)]!;
      if (fault === 'cut etcd off') network!.cut();
      else if (fault === 'stop etcd') server?.child?.kill('SIGSTOP');
      else if (fault === 'kill leader' && server) await etcd.kill(server);
      else if (fault === 'kill registry') {
        const i = random(2);
        const killed = registries[i]!;
        registries[i] = undefined;
        await killed.stop('SIGKILL');
        await wait(Math.min(lasting, 1_000));
        registries[i] = await start(i);
      }
      await wait(lasting);
      if (fault === 'cut etcd off') network!.mend();
      else if (fault === 'stop etcd') server?.child?.kill('SIGCONT');
      else if (fault === 'kill leader' && server) etcd.run(server);
    }
    await working;
    for (const server of etcd.servers) await etcd.ready(server);
    await until('both servers are ready', async () => {
      const ready = await Promise.all(
        registries.map((one) => fetch(`http://127.0.0.1:${one!.adminPort}/readyz`).then(({ ok }) => ok)),
      );
      return ready.every(Boolean);
    });
    const missing = await load.readAll();
    const deaths = registries.flatMap((one, i) => (one?.endedBy() ? [`server ${i} ended by ${one.endedBy()}`] : []));
    const problems = [...missing, ...deaths, ...historyProblems(load.history, ClusterLoad.SIZE)];
    const { acknowledged, longestGapMs, history } = load;
    return { acknowledged, operations: history.length, longestGapMs, faults, problems };
  } finally {
    for (const registry of registries) await registry?.stop('SIGKILL');
    network?.mend();
    await etcd?.stop();
    network?.remove();
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
