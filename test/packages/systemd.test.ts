// The unit under systemd itself: readiness, reload, credentials, backups, watchdog, restarts, stops and a restore, as
// docs/how-to/systemd.md and back-up-and-move.md tell them.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { BootedSystemd } from '../support/booted-systemd.ts';
import { until } from '../support/until.ts';

const systemd = await BootedSystemd.boot();
afterAll(() => systemd?.stop());

describe.skipIf(systemd === undefined)('the service', () => {
  const run = (...command: string[]) => systemd!.run(...command);
  const systemctl = (...words: string[]) => run('systemctl', ...words);
  const property = (name: string) => systemctl('show', 'xlreg', '--value', '-p', name).text.trim();
  const write = (path: string, text: string) =>
    run('sh', '-ec', 'mkdir -p "$(dirname "$1")"; echo "$2" > "$1"', 'sh', path, text);
  const configure = (settings: object) =>
    write('/etc/xlreg/config.json', JSON.stringify({ 'data-dir': '/var/lib/xlreg', ...settings }));
  const metrics = () => {
    const ask = "fetch('http://127.0.0.1:56791/metrics').then((reply) => reply.text()).then(console.log)";
    return run('/opt/node', '-e', ask).text;
  };

  it('is ready when its start returns, as a user without capabilities', () => {
    expect(systemctl('start', 'xlreg')).toEqual({ status: 0, text: '' });
    expect(property('StatusText')).toMatch(/^ready tcp=0\.0\.0\.0:56789 /);
    const status = run('cat', `/proc/${property('MainPID')}/status`).text;
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(status).toMatch(/^Uid:\t[1-9]/m);
    expect(run('xlreg', 'clusters', '--config', '/etc/xlreg/config.json')).toMatchObject({ status: 0 });
  });

  it('starts the program of each member once their cluster is complete, and stops it', async () => {
    const example = readFileSync(new URL('../../examples/systemd/xlreg-member@.service', import.meta.url), 'utf8');
    write('/etc/systemd/system/xlreg-member@.service', example);
    run('install', '-D', '-m', '644', '/var/lib/private/xlreg/regCred.dat', '/etc/xlreg-member/regCred.dat');
    const registry = '/etc/xlreg-member/regCred.dat';
    const settings = `CLUSTER=web\nXLREG_REGISTRY=${registry}\nPROGRAM=exec sleep 1000`;
    write('/etc/xlreg-member/alice.env', `${settings}\nEND_POINT=10.0.0.1:4001`);
    write('/etc/xlreg-member/bob.env', `${settings}\nEND_POINT=10.0.0.1:4002`);
    systemctl('daemon-reload');
    expect(run('xlreg', 'create', 'web', '--size', '2', '--registry', registry).status).toBe(0);
    const programs = () => run('sh', '-c', 'cat /proc/[0-9]*/comm | grep -c sleep').text.trim();
    expect(systemctl('start', 'xlreg-member@alice').status).toBe(0);
    expect(programs()).toBe('0');
    expect(systemctl('start', 'xlreg-member@bob').status).toBe(0);
    await until(() => programs() === '2');
    expect(systemctl('stop', 'xlreg-member@alice', 'xlreg-member@bob').status).toBe(0);
    expect(systemctl('is-failed', 'xlreg-member@alice').text).toBe('inactive\n');
  });

  it('reloads', () => {
    expect(systemctl('reload', 'xlreg').status).toBe(0);
    expect(metrics()).toContain('xlreg_reloads_total{result="success"} 1\n');
  });

  it('reads credentials that belong to root', () => {
    const certificate = `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=a \\
      -keyout key.pem -out fullchain.pem && install -m 600 key.pem fullchain.pem /etc/xlreg/credentials/`;
    expect(run('sh', '-ec', `cd /tmp && ${certificate}`).status).toBe(0);
    const at = '/run/credentials/xlreg.service/xlreg_';
    configure({ 'ws-tls': `${at}fullchain.pem,${at}key.pem` });
    expect(systemctl('restart', 'xlreg').status).toBe(0);
    expect(metrics()).toMatch(/^xlreg_certificate_expiry_timestamp_seconds\{listener="ws"\} \d/m);
  });

  it('writes scheduled backups to a directory of its user', async () => {
    const folder = '/mnt/backup/xlreg';
    systemctl('stop', 'xlreg');
    expect(run('sh', '-ec', `useradd --system xlreg && install -d -m 700 -o xlreg ${folder}`).status).toBe(0);
    write('/etc/systemd/system/xlreg.service.d/own.conf', `[Service]\nUser=xlreg\nReadWritePaths=${folder}`);
    configure({ 'backup-dir': folder });
    systemctl('daemon-reload');
    expect(systemctl('restart', 'xlreg').status).toBe(0);
    await until(() => metrics().includes('xlreg_backups_total{result="success"} 1\n'));
  });

  it('restarts after a signal, and when the watchdog gets no ping', async () => {
    write('/run/systemd/system/xlreg.service.d/soon.conf', '[Service]\nWatchdogSec=3\nRestartSec=100ms');
    systemctl('daemon-reload');
    systemctl('restart', 'xlreg');
    for (const [restarts, signal] of ['KILL', 'STOP'].entries()) {
      expect(run('kill', `-${signal}`, property('MainPID')).status).toBe(0);
      await until(() => property('NRestarts') === String(restarts + 1) && property('ActiveState') === 'active');
    }
  });

  it('stays stopped after a stop, and with wrong settings', () => {
    expect(systemctl('stop', 'xlreg').status).toBe(0);
    expect([property('ActiveState'), property('ExecMainStatus')]).toEqual(['inactive', '0']);
    configure({ nonsense: 1 });
    expect(systemctl('start', 'xlreg').status).toBe(1);
    expect([property('ActiveState'), property('ExecMainStatus')]).toEqual(['failed', '2']);
  });

  it('starts on a restored data directory, and gets its files', () => {
    configure({});
    const restore = `mv /var/lib/private/xlreg /var/lib/private/xlreg.old
      xlreg restore /mnt/backup/xlreg/xlreg-*Z --data-dir /var/lib/private/xlreg`;
    expect(run('sh', '-ec', restore)).toMatchObject({ status: 0 });
    systemctl('reset-failed', 'xlreg');
    expect(systemctl('start', 'xlreg')).toEqual({ status: 0, text: '' });
    expect(run('stat', '-c', '%u', '/var/lib/private/xlreg/ck.pem').text).not.toBe('0\n');
  });
});
