// The exit code of a start that fails tells what time may mend (75) from what an operator has to (2).

import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runXlreg, startXlreg } from '../cli/xlreg-process.ts';
import { startRegistry } from '../support/registry-process.ts';
import { WEB_ENGINES } from '../support/web-engines.ts';

const FREE = '127.0.0.1:0';

let directory: string;
let holder: Server;
let taken: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-exit-'));
  holder = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(holder, 'listening');
  taken = `127.0.0.1:${(holder.address() as { port: number }).port}`;
});
afterEach(() => {
  holder.close();
  rmSync(directory, { recursive: true });
});

function flags(given: Readonly<Record<string, string>> = {}): string[] {
  const all = { 'data-dir': join(directory, 'data'), tcp: FREE, ws: FREE, admin: FREE, store: 'memory', ...given };
  return ['serve', ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])];
}

describe('75', () => {
  const cases = [
    ['tcp', 'auto'] as const,
    ...WEB_ENGINES.flatMap(
      (engine) =>
        [
          ['ws', engine],
          ['admin', engine],
        ] as const,
    ),
  ];
  it.each(cases)(
    'is what a taken port of %s with the engine %s ends in, after some seconds',
    async (listener, engine) => {
      const { code, stdout, stderr } = await runXlreg(flags({ [listener]: taken, 'web-engine': engine }));
      expect({ code, stdout }).toEqual({ code: 75, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^xlreg serve: cannot listen on (tcp|web) ${taken}: the port is in use`, 'm'));
    },
  );

  it('is what a data directory in use ends in', async () => {
    const registry = await startRegistry();
    expect((await runXlreg(flags({ 'data-dir': registry.dataDir }))).code).toBe(75);
    await registry.stop();
  });

  it('is what an etcd that is away ends in', async () => {
    const { code, stderr } = await runXlreg(flags({ store: `etcd:${FREE.replace(':0', ':1')}` }));
    expect({ code, stderr }).toEqual({ code: 75, stderr: expect.stringContaining('etcd does not answer') });
  });
});

it('a start waits for a port that becomes free', async () => {
  const { child, said, ended } = startXlreg(flags({ tcp: taken }));
  await said(/a port is not to be had yet/);
  holder.close();
  await said(/"started"/);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining(`ready tcp=${taken} `) });
});

it.each(['SIGTERM', 'SIGINT'] as const)('%s during a start ends it with 0', async (signal) => {
  const { child, said, ended } = startXlreg(flags({ tcp: taken }));
  await said(/a port is not to be had yet/);
  child.kill(signal);
  expect(await ended).toMatchObject({ code: 0, stdout: '' });
});

describe('2', () => {
  it.each([
    ['an unknown flag', ['serve', '--colour', 'red'], 'colour'],
    ['an address of another machine', flags.bind(undefined, { tcp: 'name.invalid:0' }), 'name.invalid'],
  ])('is what %s ends in', async (_, args, says) => {
    const { code, stderr } = await runXlreg(typeof args === 'function' ? args() : args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) });
  });

  it('is what too few open files end in, with the figure that is needed', async () => {
    await expect(startRegistry({ openFilesMax: 287 })).rejects.toThrow(
      /ended with 2\nxlreg serve: the limit of open files is 287; 288 are the least/,
    );
    expect(await (await startRegistry({ openFilesMax: 288 })).stop()).toBe(0);
    const few = await startRegistry({ openFilesMax: 270, args: ['--max-connections', '14'] });
    expect(await few.stop()).toBe(0);
  });

  const at = (name: string) => join(directory, name);
  it.each([
    ['below /proc, where mkdir says that a directory is not there that is', () => '/proc/foo'],
    ['below /proc, deeper', () => '/proc/foo/bar'],
    ['below /sys', () => '/sys/foo'],
    ['below a device', () => '/dev/null/x'],
    ['that is a device', () => '/dev/full'],
    [
      'that is a file',
      () => {
        writeFileSync(at('file'), '');
        return at('file');
      },
    ],
    [
      'below a file',
      () => {
        writeFileSync(at('file'), '');
        return at('file/deeper/still');
      },
    ],
    [
      'that is a link to nowhere',
      () => {
        symlinkSync(at('nowhere'), at('link'));
        return at('link');
      },
    ],
    [
      'that is a link to itself',
      () => {
        symlinkSync(at('loop'), at('loop'));
        return at('loop');
      },
    ],
    ['with a name that is too long', () => at('n'.repeat(300))],
  ])('is what a data directory %s ends in, with a line', async (_, make) => {
    const place = make();
    const { code, stdout, stderr } = await runXlreg(flags({ 'data-dir': place }));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^xlreg serve: [^\n]+\n$/);
    expect(stderr).toContain(place.slice(0, 40));
  });
});
