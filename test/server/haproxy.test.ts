// Debian's HAProxy as the balancer: it sends sessions to a registry while `option httpchk` over HTTP/1.0 finds it
// ready.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { freePorts } from '../../bench/etcd/etcd-cluster.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { OP } from '../field/protobuf.ts';
import { haproxyProgram } from '../support/debian-programs.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';

const programs = haproxyProgram();

let registry: FieldRegistry;
let haproxy: ChildProcess | undefined;
let directory: string;
afterEach(async () => {
  if (haproxy && haproxy.exitCode === null) {
    haproxy.kill('SIGKILL');
    await once(haproxy, 'exit');
  }
  haproxy = undefined;
  await registry.stop();
  await rm(directory, { recursive: true, force: true });
});

describeEachEngine('with the engine %s', (engine) => {
  it.skipIf(!programs)('gets sessions from HAProxy while it is ready, and none while it drains', async () => {
    registry = await FieldRegistry.start({ args: ['--web-engine', engine, '--drain-grace-ms', '20000'] });
    directory = await mkdtemp(join(tmpdir(), 'xlreg-haproxy-'));
    const [[front], file] = [await freePorts(1), join(directory, 'haproxy.cfg')];
    const { tcpPort, adminPort } = registry.process;
    const lines = [
      'defaults',
      '  log stderr format raw local0',
      '  option log-health-checks',
      '  mode tcp',
      '  timeout connect 2s',
      '  timeout client 10s',
      '  timeout server 10s',
      '  timeout check 2s',
      'listen xlreg',
      `  bind 127.0.0.1:${front}`,
      '  option httpchk GET /readyz',
      `  server one 127.0.0.1:${tcpPort} check port ${adminPort} inter 200ms fall 1 rise 1`,
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    haproxy = spawn(programs!.haproxy, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    haproxy.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const session = async () => {
      const client = await registry.connect({ ...WIRES[0]!, port: front! });
      await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
      return client;
    };
    await until(() => /Health check for server xlreg\/one \w+, reason: Layer7/.test(said));
    expect(said).toMatch(/xlreg\/one succeeded, reason: Layer7 check passed, code: 200/);
    const first = await session();
    await (await session()).bye();
    // The drain fails readiness, and with it HAProxy's check.
    process.kill(registry.process.pid, 'SIGTERM');
    await until(() => /xlreg\/one failed, reason: Layer7 wrong status, code: 503/.test(said));
    await first.bye();
  });
});
