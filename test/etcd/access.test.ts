// Access to etcd: over TLS with a client certificate, as a user with a password, and under a private prefix. No message
// contains a secret.

import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import { openSession } from '../../bench/load/field-session.ts';
import type { EtcdAccess } from '../../src/store/etcd/etcd-client.ts';
import { EtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { parseRegCred } from '../../src/wire/reg-cred.ts';
import { REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { client, contents, plain } from '../store/store-contract.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { endPointsOf, newPrefix, until } from './stores.ts';

const programs = etcdPrograms();
const PASSWORD = 'correct horse battery staple';

describe.skipIf(programs === undefined)('access to etcd', () => {
  const directory = mkdtempSync(join(tmpdir(), 'xlreg-etcd-access-'));
  const at = (name: string) => join(directory, name);
  const text = (name: string) => readFileSync(at(name), 'utf8');
  let etcd: EtcdCluster;
  const stores: EtcdStore[] = [];
  const registries: RegistryProcess[] = [];

  beforeAll(() => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
    openssl('req', '-x509', ...curve, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=ca', '-days', '2');
    writeFileSync(at('extensions'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n');
    for (const name of ['etcd', 'xlreg']) {
      openssl('req', ...curve, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${name}`);
      const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('extensions')];
      openssl('x509', '-req', '-in', at(`${name}.csr`), '-out', at(`${name}.pem`), '-days', '2', ...signed);
    }
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    for (const registry of registries.splice(0)) await registry.stop();
    await etcd.stop();
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  async function openAs(access: Partial<EtcdAccess>, prefix = newPrefix()): Promise<EtcdStore> {
    const all = { endPoints: endPointsOf(etcd), tls: undefined, user: undefined, ...access };
    const store = await EtcdStore.open({ access: all, registryId: REGISTRY_ID, prefix, openMs: 3_000 });
    stores.push(store);
    return store;
  }

  /** Stores a record and reads it back. */
  async function expectWorks(store: EtcdStore): Promise<void> {
    for await (const _ of store.load());
    expect(await store.commit([client(1)])).toEqual([{ kind: 'stored' }]);
    expect((await store.catchUp()).freshness).toBe('current');
    expect(await contents(store)).toEqual([plain(client(1))]);
  }

  it('works over TLS with a client certificate, and fails without one', async () => {
    const files = ['--cert-file', at('etcd.pem'), '--key-file', at('etcd.key'), '--trusted-ca-file', at('ca.pem')];
    const flags = [...files, '--client-cert-auth', '--unsafe-no-fsync'];
    etcd = await EtcdCluster.start({ program: programs!.etcd, https: true, flags });
    await expectWorks(await openAs({ tls: { ca: text('ca.pem'), cert: text('xlreg.pem'), key: text('xlreg.key') } }));
    await expect(openAs({ tls: { ca: text('ca.pem') } })).rejects.toThrow(/etcd does not answer/);

    const flag = ['--etcd-tls', [at('ca.pem'), at('xlreg.pem'), at('xlreg.key')].join(',')];
    const registry = await startRegistry({ args: ['--store', etcd.store, ...flag] });
    registries.push(registry);
    const regCred = parseRegCred(registry.regCredText);
    (await openSession({ regCred, transport: 'tcp', wsUrl: undefined, dialect: 'prefixed' })).close();

    // A reload cannot take over renewed files of etcd, and says so.
    const reloaded = (pattern: RegExp) => {
      process.kill(registry.pid, 'SIGHUP');
      return until('the reload', () => pattern.test(registry.stderr()));
    };
    await reloaded(/"msg":"reloaded"/);
    appendFileSync(at('xlreg.pem'), '\n');
    await reloaded(/"part":"etcd","reason":"a file of etcd-tls or etcd-password-file has changed: restart to use it"/);
  }, 40_000);

  it('works as a user with a password, renews a lost token, and reaches only its own prefix', async () => {
    // etcd forgets its tokens at a restart.
    etcd = await EtcdCluster.start({ program: programs!.etcd, flags: ['--unsafe-no-fsync'] });
    const ctl = (...args: string[]) =>
      execFileSync(programs!.etcdctl, ['--endpoints', endPointsOf(etcd)[0]!, ...args], {
        env: { ...process.env, ETCDCTL_API: '3' },
        stdio: 'pipe',
      });
    const prefix = newPrefix();
    ctl('user', 'add', 'root:root');
    ctl('user', 'grant-role', 'root', 'root');
    ctl('user', 'add', `xlreg:${PASSWORD}`);
    ctl('role', 'add', 'xlreg');
    ctl('role', 'grant-permission', 'xlreg', 'readwrite', prefix, '--prefix');
    ctl('user', 'grant-role', 'xlreg', 'xlreg');
    ctl('auth', 'enable');

    const user = { name: 'xlreg', password: PASSWORD };
    const store = await openAs({ user }, prefix);
    await expectWorks(store);
    const [server] = etcd.servers;
    await etcd.kill(server!);
    etcd.run(server!);
    await until('etcd accepts the user again', async () => (await store.catchUp()).freshness === 'current');
    expect(await store.commit([client(2)])).toEqual([{ kind: 'stored' }]);
    await store.announceUses([{ id: '01'.repeat(32), ttlMs: 60_000 }]);
    // catchUp does not wait for uses, so poll.
    await until('the use arrives', async () => {
      return (await store.catchUp()).changes.some(({ kind }) => kind === 'use');
    });

    await expect(openAs({ user }, newPrefix())).rejects.toThrow(/permission denied/);
    const wrong = openAs({ user: { name: 'xlreg', password: `${PASSWORD}!` } }, prefix);
    await expect(wrong).rejects.toThrow(/authentication failed/);
    await wrong.catch((error: Error) => expect(String(error.stack) + String(error.cause)).not.toContain(PASSWORD));

    writeFileSync(at('password'), `${PASSWORD}\n`);
    const flags = ['--etcd-user', 'xlreg', '--etcd-password-file', at('password'), '--etcd-prefix', prefix];
    const theirs = startRegistry({ args: ['--store', etcd.store, ...flags] });
    // The prefix belongs to another registry.
    await expect(theirs).rejects.toThrow(/belongs to the registry/);
    await theirs.catch((error: Error) => expect(error.message).not.toContain(PASSWORD));
  }, 40_000);

  it('gives each of several registries its own table', async () => {
    etcd = await EtcdCluster.start({ program: programs!.etcd, flags: ['--unsafe-no-fsync'] });
    const [one, other] = await Promise.all([openAs({}), openAs({})]);
    for (const store of [one, other]) for await (const _ of store.load());
    await one.commit([client(1, { name: 'one' })]);
    await other.commit([client(1, { name: 'other' })]);
    for (const store of [one, other]) expect((await store.catchUp()).freshness).toBe('current');
    expect(await contents(one)).toEqual([plain(client(1, { name: 'one' }))]);
    expect(await contents(other)).toEqual([plain(client(1, { name: 'other' }))]);
  });
});
