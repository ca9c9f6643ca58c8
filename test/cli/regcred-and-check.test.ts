// xlreg regcred prints the credentials of a registry. xlreg check verifies its identity and reachability.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyFingerprint, parseRegCred, printRegCred, type RegCred } from '../../src/index.ts';
import { printSshRsa } from '../../src/wire/rsa-key.ts';
import { CliRegistry } from './cli-registry.ts';

let registry: CliRegistry;
let other: CliRegistry;
let regCred: RegCred;
let id: string;
/** Fingerprints of the sig key, which sealed proves, and of the comms key, which the RSA dialects prove. */
let fingerprint: string;
let oldFingerprint: string;
beforeAll(async () => {
  [registry, other] = await Promise.all([CliRegistry.start(), CliRegistry.start()]);
  regCred = parseRegCred(registry.process.regCredText);
  id = Buffer.from(regCred.id).toString('hex');
  fingerprint = keyFingerprint(regCred.sigKey);
  oldFingerprint = keyFingerprint(regCred.commsKey);
});
afterAll(async () => {
  expect(await Promise.all([registry.stop(), other.stop()])).toEqual([0, 0]);
});

/** Writes this registry's credentials with `change` applied. Returns the path. */
async function forged(name: string, change: Partial<RegCred>): Promise<string> {
  const path = join(registry.directory, name);
  await writeFile(path, printRegCred({ ...regCred, ...change }));
  return path;
}

/** Runs `use` with an HTTP server that answers every request with `body`. */
async function withHttp(body: string | Buffer, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/regCred.dat`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

describe('xlreg regcred', () => {
  it('prints the credentials and their fingerprints', async () => {
    const { code, stdout, stderr } = await registry.run('regcred');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'registry   xlReg',
      `ID         ${id}`,
      `comms key  ${oldFingerprint} (RSA, 2048 bits)`,
      `sig key    ${fingerprint} (RSA, 2048 bits)`,
      `end point  127.0.0.1:${registry.process.tcpPort}`,
      'version    1.0',
      '',
    ]);
  });

  it('prints them as JSON, from a URL', async () => {
    const { code, stdout } = await registry.run('regcred', '--json', '--registry', registry.url);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      name: 'xlReg',
      id,
      commsKey: { fingerprint: oldFingerprint, bits: 2048, ssh: printSshRsa(regCred.commsKey) },
      sigKey: { fingerprint, bits: 2048, ssh: printSshRsa(regCred.sigKey) },
      endPoints: regCred.endPoints,
      version: '1.0',
    });
  });

  it.each([
    { what: 'no reply', url: 'http://127.0.0.1:9/regCred.dat', says: 'cannot reach the registry' },
    { what: 'another page', url: '/elsewhere', says: 'status 404' },
  ])('ends with 3 when the URL gives $what', async ({ url, says }) => {
    const { code, stdout, stderr } = await registry.run('regcred', '--registry', new URL(url, registry.url).href);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(says);
  });

  it('ends with 3 when the URL gives no credentials, or too many bytes', async () => {
    await withHttp('<html>', async (url) => {
      const { code, stderr } = await registry.run('regcred', '--registry', url);
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('holds no credentials') });
    });
    await withHttp(Buffer.alloc(70_000, '\r\n'), async (url) => {
      const { code, stderr } = await registry.run('regcred', '--registry', url);
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('more than 65536 bytes') });
    });
  });
});

it('ends with 2 for an endless file (C5)', async () => {
  const { code, stderr } = await registry.run('regcred', '--registry', '/dev/zero');
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('more than 65536 bytes') });
});

describe('xlreg check', () => {
  it.each([
    { how: 'TCP', args: [], address: () => `127.0.0.1:${registry.process.tcpPort}`, dialect: 'sealed' },
    {
      how: 'TCP in the prefixed dialect',
      args: ['--dialect', 'prefixed'],
      address: () => `127.0.0.1:${registry.process.tcpPort}`,
      dialect: 'prefixed',
    },
    {
      how: 'TCP in the chained dialect',
      args: ['--dialect', 'chained'],
      address: () => `127.0.0.1:${registry.process.tcpPort}`,
      dialect: 'chained',
    },
    {
      how: 'WebSocket',
      args: ['--transport', 'ws', '--registry', 'URL'],
      address: () => `ws://127.0.0.1:${registry.process.wsPort}/xlreg`,
      dialect: 'sealed',
    },
    {
      how: 'WebSocket at a given address',
      args: ['--connect', 'WS'],
      address: () => `ws://127.0.0.1:${registry.process.wsPort}/xlreg`,
      dialect: 'sealed',
    },
  ])('finds the registry over $how', async ({ args, address, dialect }) => {
    const places: Record<string, string> = { URL: registry.url, WS: `ws://127.0.0.1:${registry.process.wsPort}` };
    const { code, stdout, stderr } = await registry.run('check', '--json', ...args.map((arg) => places[arg] ?? arg));
    expect({ code, stderr }).toMatchObject({ code: 0 });
    if (args.includes('URL')) expect(stderr).toMatch(/^xlreg: http:\S+ without --fingerprint: [^\n]+\n$/);
    else expect(stderr).toBe('');
    const times = { helloMs: expect.any(Number), roundTripMs: expect.any(Number) };
    expect(JSON.parse(stdout)).toEqual({
      name: 'xlReg',
      id,
      fingerprint: dialect === 'sealed' ? fingerprint : oldFingerprint,
      newFingerprint: null,
      pinned: false,
      dialect,
      endPoints: [{ address: address(), state: 'ok', version: '1.0', ...times }],
    });
  });

  it('prints a table of end points', async () => {
    const { code, stdout } = await registry.run('check');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^registry {2}xlReg$/m);
    expect(stdout).toMatch(/^END POINT +STATE +VERSION +HELLO +ROUND TRIP$/m);
    expect(stdout).toMatch(/^127\.0\.0\.1:\d+ +ok +1\.0 +\d+(\.\d)? ms +\d+(\.\d)? ms$/m);
  });

  it('takes the pinned fingerprint in every notation', async () => {
    const hex = Buffer.from(fingerprint.slice('SHA256:'.length), 'base64').toString('hex');
    const colons = hex.toUpperCase().replace(/..(?!$)/g, '$&:');
    for (const pin of [fingerprint, `${fingerprint}=`, hex, `SHA256:${hex}`, colons]) {
      const { code, stdout } = await registry.run('check', '--json', '--fingerprint', pin);
      expect({ code, pinned: JSON.parse(stdout).pinned }).toEqual({ code: 0, pinned: true });
    }
  });

  it('refuses credentials without the pinned key, in every command', async () => {
    const wrong = ['--fingerprint', 'ab'.repeat(32)];
    for (const args of [['check'], ['regcred'], ['create', 'c', '--size', '2'], ['members', 'c']]) {
      for (const dialect of [[], ['--dialect', 'prefixed']]) {
        const { code, stdout, stderr } = await registry.run(...args, ...dialect, ...wrong);
        expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
        expect(stderr).toContain('key than --fingerprint demands');
        expect(stderr).not.toContain('SHA256:');
      }
    }
  });

  it('refuses a pin of the key that the dialect does not prove, and shows no fingerprint', async () => {
    for (const [dialect, pin, other, own] of [
      ['sealed', oldFingerprint, 'comms key', 'sig key'],
      ['prefixed', fingerprint, 'sig key', 'comms key'],
      ['chained', fingerprint, 'sig key', 'comms key'],
    ] as const) {
      const { code, stdout, stderr } = await registry.run('check', '--dialect', dialect, '--fingerprint', pin);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toContain(`--fingerprint is that of the ${other}, and the dialect ${dialect} proves the ${own}`);
      expect(stderr).toContain("ask the registry's operator for");
      expect(stderr).not.toContain('SHA256:');
    }
    const old = await registry.run('check', '--json', '--dialect', 'prefixed', '--fingerprint', oldFingerprint);
    expect({ code: old.code, pinned: JSON.parse(old.stdout).pinned }).toEqual({ code: 0, pinned: true });
  });

  it('refuses a forged file with the right comms key: under either pin, and without one', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const file = ['--registry', await forged('forged-sk.dat', { sigKey: publicKey })];
    for (const [pin, why] of [
      [['--fingerprint', fingerprint], "demands: ask the registry's operator for the sig key"],
      [
        ['--fingerprint', oldFingerprint],
        '--fingerprint is that of the comms key, and the dialect sealed proves the sig key',
      ],
      [[], 'another sig key than these credentials'],
    ] as const) {
      const { code, stderr } = await registry.run('check', ...file, ...pin);
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining(why) });
      expect(stderr).not.toContain('SHA256:');
    }
  });

  it('ends with 3 when nothing listens', async () => {
    const { code, stdout, stderr } = await registry.run('check', '--connect', '127.0.0.1:9');
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: 'xlreg check: 127.0.0.1:9: cannot reach the registry: connection refused\n',
    });
    expect(stdout).toMatch(/^127\.0\.0\.1:9 +not reachable +- +- +-$/m);
  });

  it('ends with 3 when another registry answers', async () => {
    const address = `127.0.0.1:${other.process.tcpPort}`;
    const { code, stdout, stderr } = await registry.run('check', '--connect', address);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^127\.0\.0\.1:\d+ +wrong key or full +-/m);
    expect(stderr).toContain('another sig key than these credentials');
    const old = await registry.run('check', '--connect', address, '--dialect', 'prefixed');
    expect(old.stderr).toContain('it has another comms key than these credentials');
  });

  it('reports every end point and ends with the worst code', async () => {
    const wanted = registry.process.tcpPort;
    const endPoints = ['127.0.0.1:9', `127.0.0.1:${wanted}`, `127.0.0.1:${other.process.tcpPort}`];
    const file = ['--registry', await forged('several.dat', { endPoints })];
    const checked = await registry.run('check', '--json', ...file);
    expect(checked.code).toBe(3);
    const found = JSON.parse(checked.stdout).endPoints;
    expect(found).toMatchObject([
      { address: endPoints[0], state: 'not reachable', why: expect.stringContaining('connection refused') },
      { address: endPoints[1], state: 'ok', version: '1.0' },
      { address: endPoints[2], state: 'wrong key or full' },
    ]);
    expect(found[1]).not.toHaveProperty('why');
    // A URL beside an end point: each selects its transport.
    const ways = ['--connect', `127.0.0.1:${wanted}`, '--connect', `ws://127.0.0.1:${registry.process.wsPort}`];
    const sound = await registry.run('check', ...ways);
    expect({ code: sound.code, stderr: sound.stderr }).toEqual({ code: 0, stderr: '' });
    expect(sound.stdout.match(/ ok /g)).toHaveLength(2);
    const { stdout } = await registry.run('regcred', ...file);
    expect(stdout.match(/^end point .*$/gm)).toEqual(endPoints.map((endPoint) => `end point  ${endPoint}`));
  });

  it('ends with 3 when the ID or signature key differs from the credentials', async () => {
    const forgery = async (change: Partial<RegCred>) => [
      ...['--registry', await forged(`forged-${Object.keys(change)[0]}.dat`, change)],
    ];
    for (const args of [
      await forgery({ id: new Uint8Array(20) }),
      [...(await forgery({ id: new Uint8Array(20) })), '--dialect', 'prefixed'],
      [...(await forgery({ sigKey: regCred.commsKey })), '--dialect', 'prefixed'],
    ]) {
      const { code, stdout, stderr } = await registry.run('check', ...args);
      expect(code).toBe(3);
      expect(stdout).toMatch(/^127\.0\.0\.1:\d+ +wrong key +-/m);
      expect(stderr).toContain('not the expected registry');
    }
    // The registry cannot tell a Hello under another sig key from noise.
    const { code, stdout } = await registry.run('check', ...(await forgery({ sigKey: regCred.commsKey })));
    expect(code).toBe(3);
    expect(stdout).toMatch(/^127\.0\.0\.1:\d+ +wrong key or full +-/m);
  });

  it('ends with 3 when the HelloReply is late', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { code, stderr } = await registry.run('check', '--connect', address, '--timeout', '0.2');
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('no HelloReply within 0.2 s') });
    silent.close();
  });
});
