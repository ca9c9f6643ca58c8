// A real Prometheus scrapes a registry under load, and one on etcd with a certificate, with the configuration of grafana/.
// The test runs every query of every panel and alert on it.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { etcdPrograms, prometheusPrograms } from '../support/debian-programs.ts';
import { freePort } from '../support/free-port.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { alertExpressions, GRAFANA, panelExpressions } from './written-expressions.ts';

const programs = prometheusPrograms();
const etcdProgram = etcdPrograms();
/** Time within which every series has been scraped twice. */
const DEADLINE_MS = 40_000;

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly unknown[] };
}

interface Rules {
  readonly data: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
}

interface Rule {
  readonly name: string;
  /** `unknown` before the first evaluation. */
  readonly health: 'unknown' | 'ok' | 'err';
}

describe.skipIf(!programs || !etcdProgram)('Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-prometheus-'));
  let registry: FieldRegistry;
  let etcd: EtcdCluster;
  let onEtcd: RegistryProcess;
  let prometheus: ChildProcess;
  let url: string;
  let loaded = false;
  let load: Promise<void>;
  let giveUp: number;

  beforeAll(async () => {
    registry = await FieldRegistry.start({
      args: ['--store', 'lmdb', '--workers', '2', '--backup-dir', folder],
    });
    load = putLoad();
    etcd = await EtcdCluster.start({ program: etcdProgram!.etcd, flags: ['--unsafe-no-fsync'] });
    const [cert, key] = ['a.pem', 'a.key'].map((name) => join(folder, name));
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key!];
    execFileSync('openssl', ['req', '-x509', ...ec, '-subj', '/CN=a', '-days', '30', '-out', cert!], { stdio: 'pipe' });
    const store = `etcd:${etcd.servers[0]!.endPoint}`;
    onEtcd = await startRegistry({ args: ['--store', store, '--ws-tls', `${cert},${key}`] });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    copyFileSync(`${GRAFANA}alert-rules.yml`, join(folder, 'alert-rules.yml'));
    const config = readFileSync(`${GRAFANA}prometheus.yml`, 'utf8')
      .replaceAll('_interval: 15s', '_interval: 1s')
      .replace("'127.0.0.1:56791'", `'127.0.0.1:${registry.process.adminPort}', '127.0.0.1:${onEtcd.adminPort}'`);
    writeFileSync(join(folder, 'prometheus.yml'), config);
    const flags = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    prometheus = spawn(programs!.prometheus, flags, { stdio: 'ignore' });
    process.once('exit', () => prometheus.kill('SIGKILL'));
    giveUp = performance.now() + DEADLINE_MS;
  });

  afterAll(async () => {
    loaded = true;
    await load;
    const ended = once(prometheus, 'exit');
    prometheus.kill('SIGKILL');
    await ended;
    expect([await registry.stop(), await onEtcd.stop()]).toEqual([0, 0]);
    await etcd.stop();
    rmSync(folder, { recursive: true });
  });

  /** Registers pairs of members on all wires in turn, each pair in its own cluster. */
  async function putLoad(): Promise<void> {
    for (let round = 0; !loaded; round++) {
      const members = [0, 1].map((i) =>
        registry.register(WIRES[(round + i) % WIRES.length]!, { name: `m${round}-${i}` }),
      );
      for (const { client } of await Promise.all(members)) {
        await client.create(`c${round}`, 2);
        await client.join(`c${round}`);
        await client.getCluster();
        client.close();
      }
    }
  }

  /** Asks until the answer is good or the deadline passes; resolves to the last answer. */
  async function ask<T>(path: string, isGood: (answer: T) => boolean): Promise<T | undefined> {
    for (;;) {
      const answer = await fetch(`${url}${path}`).then(
        // A Prometheus that is still starting answers with plain text.
        (response) =>
          response.headers.get('content-type')?.includes('json') ? (response.json() as Promise<T>) : undefined,
        () => undefined,
      );
      if ((answer !== undefined && isGood(answer)) || performance.now() > giveUp) return answer;
    }
  }

  const query = (expr: string, isGood: (answer: Answer) => boolean) =>
    ask<Answer>(`/api/v1/query?query=${encodeURIComponent(expr)}`, isGood);

  it('scrapes both registries', async () => {
    const up = await query('up{job="xlreg"} == 1', ({ data }) => data?.result.length === 2);
    expect(up?.data.result).toHaveLength(2);
  }, 60_000);

  it('has data for every panel', async () => {
    const empty: string[] = [];
    for (const { at, expr } of panelExpressions()) {
      const asked = expr.replaceAll('$__rate_interval', '10s').replaceAll('$instance', '.*');
      const answer = await query(asked, ({ data }) => data?.result.length > 0);
      if (!answer?.data?.result.length) empty.push(`${at}: ${answer?.error ?? 'no data'}: ${asked}`);
    }
    expect(empty).toEqual([]);
  }, 60_000);

  it('evaluates every alert without an error', async () => {
    for (const { expr } of alertExpressions()) {
      const answer = await query(expr, ({ status }) => status === 'success');
      expect(answer, expr).toMatchObject({ status: 'success' });
    }
    const rulesOf = ({ data }: Rules) => data.groups.flatMap(({ rules }) => rules);
    const answer = await ask<Rules>('/api/v1/rules', (rules) => rulesOf(rules).every(({ health }) => health === 'ok'));
    const rules = rulesOf(answer!);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(rules.map(({ name }) => name)).toEqual(alertExpressions().map(({ at }) => at));
  }, 60_000);
});
