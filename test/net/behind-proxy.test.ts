// Behind a load balancer: the PROXY protocol and the headers of an upgrade give a connection's address, if the proxy is
// trusted.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Networks } from '../../src/admission/ip-address.ts';
import { forwardedFor } from '../../src/net/forwarded.ts';
import type { FieldClient } from '../field/field-client.ts';
import { FieldRegistry } from '../field/field-registry.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A PROXY header of version 2. */
function header(command: number, family: number, body: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family]), length, body]);
}

function overIpv4(address: string, tlvs: Buffer = Buffer.alloc(0)): Buffer {
  const source = Buffer.from(address.split('.').map(Number));
  return header(0x21, 0x11, Buffer.concat([source, Buffer.from([10, 0, 0, 1, 1, 2, 3, 4]), tlvs]));
}

function overIpv6(hex: string): Buffer {
  return header(0x21, 0x21, Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(16, 1), Buffer.from([1, 2, 3, 4])]));
}

let registry: FieldRegistry;
const stop = async () => expect(await registry.stop()).toBe(0);

/** The address in the log line of the next session that ends. */
async function loggedAddress(end: () => Promise<unknown>): Promise<string> {
  const lines = () => registry.process.stderr().match(/"address":"[^"]*"/g) ?? [];
  const before = lines().length;
  await end();
  await until(() => lines().length > before);
  return JSON.parse(`{${lines()[before]}}`).address;
}

describe('the PROXY protocol', () => {
  beforeAll(async () => {
    const args = [
      '--proxy-protocol',
      '127.0.0.2/32',
      '--max-connections-per-address',
      '1',
      '--hello-timeout-ms',
      '400',
    ];
    registry = await FieldRegistry.start({ args });
  });
  afterAll(stop);

  const open = (localAddress = '127.0.0.2') => registry.open({ transport: 'tcp', dialect: 'prefixed', localAddress });

  async function greet(client: FieldClient, bytes: Buffer): Promise<FieldClient> {
    await client.sendRaw(bytes);
    await client.hello();
    return client;
  }

  it.each([
    ['IPv4', overIpv4('203.0.113.7'), '203.0.113.7'],
    ['IPv4 with TLVs', overIpv4('203.0.113.8', Buffer.alloc(1_000, 7)), '203.0.113.8'],
    ['IPv6', overIpv6('20010db8000000000000000000000001'), '2001:db8::1'],
    ['IPv4-mapped IPv6', overIpv6('00000000000000000000ffffcb007109'), '203.0.113.9'],
    ['LOCAL', header(0x20, 0x00, Buffer.alloc(0)), '127.0.0.2'],
    ['LOCAL with addresses, which are ignored', header(0x20, 0x11, Buffer.alloc(12, 9)), '127.0.0.2'],
  ])('gives the address of a connection: %s', async (_, bytes, address) => {
    const client = await greet(await open(), bytes);
    expect(await loggedAddress(() => client.bye())).toBe(address);
  });

  it('may come in pieces, or in one piece with the Hello', async () => {
    const cut = await open();
    await cut.sendCut(overIpv4('203.0.113.10'), 'every');
    await cut.hello();
    expect(await loggedAddress(() => cut.bye())).toBe('203.0.113.10');

    const whole = await open();
    await whole.sendRaw(Buffer.concat([overIpv4('203.0.113.11'), whole.buildHello()]));
    await whole.receiveHelloReply();
    expect(await loggedAddress(() => whole.bye())).toBe('203.0.113.11');
  });

  it('gives the address that limits apply to, an IPv6 /64 counting as one (F10)', async () => {
    const first = await greet(await open(), overIpv6('20010db8000100000000000000000001'));
    const second = await open();
    await second.sendRaw(overIpv6('20010db8000100000000000000000002'));
    expect((await second.waitClosed()).bytes).toHaveLength(0);
    await greet(await open(), overIpv6('20010db8000200000000000000000001'));
    expect(await loggedAddress(() => first.bye())).toBe('2001:db8:1::1');
  });

  it('is refused from untrusted addresses, which are served without it', async () => {
    const client = await open('127.0.0.3');
    await client.hello();
    expect(await loggedAddress(() => client.bye())).toBe('127.0.0.3');
    const liar = await open('127.0.0.4');
    await liar.sendRaw(Buffer.concat([overIpv4('203.0.113.12'), Buffer.alloc(256)]));
    expect((await liar.waitClosed()).bytes).toHaveLength(0);
  });

  it('causes a silent close when missing, malformed, too long or late (E1)', async () => {
    const bad: Buffer[] = [
      Buffer.from('PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n'),
      Buffer.alloc(256, 1),
      header(0x11, 0x11, Buffer.alloc(12)),
      header(0x22, 0x11, Buffer.alloc(12)),
      header(0x21, 0x11, Buffer.alloc(11)),
      header(0x21, 0x21, Buffer.alloc(35)),
      header(0x21, 0x12, Buffer.alloc(12)),
      header(0x21, 0x31, Buffer.alloc(216)),
      header(0x21, 0x00, Buffer.alloc(0)),
      overIpv4('203.0.113.7', Buffer.alloc(2_048)),
      overIpv4('203.0.113.7').subarray(0, 20),
      SIGNATURE.subarray(0, 3),
    ];
    for (const bytes of bad) {
      const client = await open();
      await client.sendRaw(bytes);
      expect((await client.waitClosed()).bytes).toHaveLength(0);
    }
    const idle = await open();
    await idle.waitClosed();
    const metrics = await registry.process.metrics();
    expect(metrics).toContain(`xlreg_admission_drops_total{cause="proxy-header"} ${bad.length}\n`);
    expect(metrics).toContain('xlreg_admission_connections 1\n');
  });
});

describeEachEngine('an upgrade, with the engine %s', (engine) => {
  beforeAll(async () => {
    registry = await FieldRegistry.start({
      args: [
        ...['--web-engine', engine, '--allowed-origins', 'https://a.example,http://b.example:81'],
        ...['--forwarded', '127.0.0.2/32,10.0.0.0/8', '--x-forwarded-for', '127.0.0.3/32,10.0.0.0/8'],
      ],
    });
  });
  afterAll(stop);

  async function addressSeen(localAddress: string, headers: Record<string, string | string[]>): Promise<string> {
    // node:http sends one line per item of an array; the types of ws do not allow arrays.
    const ws = { headers: headers as Record<string, string> };
    const client = await registry.connect({ transport: 'ws', dialect: 'prefixed', localAddress, ws });
    return await loggedAddress(() => client.bye());
  }

  it('takes its address from a trusted proxy only', async () => {
    const both = { forwarded: 'for=203.0.113.1', 'x-forwarded-for': '203.0.113.2' };
    expect(await addressSeen('127.0.0.2', both)).toBe('203.0.113.1');
    expect(await addressSeen('127.0.0.3', both)).toBe('203.0.113.2');
    expect(await addressSeen('127.0.0.1', both)).toBe('127.0.0.1');
    expect(await addressSeen('127.0.0.2', {})).toBe('127.0.0.2');
  });

  it('reads X-Forwarded-For from the right, over all its lines', async () => {
    const lines = ['192.0.2.66', '192.0.2.67, 203.0.113.3', '10.0.0.9'];
    expect(await addressSeen('127.0.0.3', { 'x-forwarded-for': lines })).toBe('203.0.113.3');
  });

  it('needs an allowed origin when it comes from a web page (F3)', async () => {
    const status = async (origin: string): Promise<number> => {
      try {
        await registry.open({ transport: 'ws', dialect: 'prefixed', ws: { origin } });
        return 101;
      } catch (error) {
        return (error as { statusCode: number }).statusCode;
      }
    };
    expect(await status('https://a.example')).toBe(101);
    expect(await status('http://b.example:81')).toBe(101);
    for (const origin of ['http://a.example', 'https://a.example.evil.example', 'https://b.example:81', 'null']) {
      expect(await status(origin)).toBe(403);
    }
  });
});

describe('Forwarded and X-Forwarded-For', () => {
  const none = new Networks([]);
  const proxies = new Networks(['10.0.0.0/8', 'fd00::/8']);
  const by = (name: string, text: string) => (asked: string) => (asked === name ? text : '');

  it.each([
    ['203.0.113.1', '203.0.113.1'],
    ['192.0.2.66, 203.0.113.1', '203.0.113.1'],
    ['192.0.2.66, 203.0.113.1, 10.0.0.2', '203.0.113.1'],
    ['203.0.113.1:4711,fd00::1', '203.0.113.1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['::ffff:203.0.113.1', '203.0.113.1'],
    ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['203.0.113.1, unknown', '10.0.0.1'],
    ['203.0.113.1, ', '10.0.0.1'],
    ['203.0.113.1, 10.0.0.2, x', '10.0.0.1'],
    ['', '10.0.0.1'],
    ['1.2.3.4.5', '10.0.0.1'],
    ['1'.repeat(4_000), '10.0.0.1'],
  ])('X-Forwarded-For: %s', (text, address) => {
    const trust = { forwarded: none, xForwardedFor: proxies };
    expect(forwardedFor('10.0.0.1', trust, by('x-forwarded-for', text))).toBe(address);
    expect(forwardedFor('192.0.2.1', trust, by('x-forwarded-for', text))).toBe('192.0.2.1');
  });

  it.each([
    ['for=203.0.113.1', '203.0.113.1'],
    ['For="203.0.113.1:47";proto=https;by=10.0.0.1', '203.0.113.1'],
    ['proto=http; for="[2001:db8::1]:4711"', '2001:db8::1'],
    ['for=192.0.2.66, for=203.0.113.1, for=10.0.0.2', '203.0.113.1'],
    ['for="192.0.2.66, for=203.0.113.1', '203.0.113.1'],
    ['for="192.0.2.66, for="203.0.113.1"', '203.0.113.1'],
    ['for=192.0.2.66;x="a, for=203.0.113.1;y="b,c"', '203.0.113.1'],
    ['for=_hidden', '10.0.0.1'],
    ['for=unknown, for=10.0.0.2', '10.0.0.2'],
    ['by=203.0.113.1', '10.0.0.1'],
    ['', '10.0.0.1'],
  ])('Forwarded: %s', (text, address) => {
    const trust = { forwarded: proxies, xForwardedFor: none };
    expect(forwardedFor('10.0.0.1', trust, by('forwarded', text))).toBe(address);
  });
});
