// A failing start ends with 75 where a later start may succeed, and with 2 where an operator has to act. Tests that
// only wait run side by side, so each test has a directory and a taken port of its own.

import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'vitest';
import { IdentityError, openDataDirectory } from '../../src/identity/identity.ts';
import { runXlreg, startXlreg } from '../cli/xlreg-process.ts';
import { giveKeys } from '../support/made-keys.ts';
import { startRegistry } from '../support/registry-process.ts';
import { WEB_ENGINES } from '../support/web-engines.ts';

const FREE = '127.0.0.1:0';
/** Several starts at once are slow on a busy machine. */
const PATIENT = { timeoutMs: 80_000 };
const PATIENT_TEST = { timeout: 90_000 };

/** The directory and the taken port of one test. */
interface Place {
  readonly directory: string;
  readonly holder: Server;
  /** The address that `holder` listens on. */
  readonly taken: string;
}

async function newPlace({ onTestFinished }: TestContext): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'xlreg-exit-'));
  const holder = createServer().listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => {
    holder.close();
    rmSync(directory, { recursive: true });
  });
  await once(holder, 'listening');
  await giveKeys(join(directory, 'data'));
  return { directory, holder, taken: `127.0.0.1:${(holder.address() as { port: number }).port}` };
}

function flags({ directory }: Place, given: Readonly<Record<string, string>> = {}): string[] {
  const all = { 'data-dir': join(directory, 'data'), tcp: FREE, ws: FREE, admin: FREE, store: 'memory', ...given };
  return ['serve', ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])];
}

describe.concurrent('a start ends with 75', PATIENT_TEST, () => {
  // First: it takes longest.
  it('when its etcd is away', async (context) => {
    const { expect } = context;
    const place = await newPlace(context);
    const { code, stderr } = await runXlreg(flags(place, { store: `etcd:${FREE.replace(':0', ':1')}` }), PATIENT);
    expect({ code, stderr }).toEqual({ code: 75, stderr: expect.stringContaining('etcd does not answer') });
  });

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
  it.for(cases)(
    'when the port of %s stays taken for some seconds, with the engine %s',
    async ([listener, engine], context) => {
      const { expect } = context;
      const place = await newPlace(context);
      const { taken } = place;
      const { code, stdout, stderr } = await runXlreg(
        flags(place, { [listener]: taken, 'web-engine': engine }),
        PATIENT,
      );
      expect({ code, stdout }).toEqual({ code: 75, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^xlreg serve: cannot listen on (tcp|web) ${taken}: the port is in use`, 'm'));
    },
  );

  it('when its data directory is in use', async (context) => {
    const { expect } = context;
    const registry = await startRegistry({ readyTimeoutMs: PATIENT.timeoutMs });
    const { code } = await runXlreg(flags(await newPlace(context), { 'data-dir': registry.dataDir }), PATIENT);
    expect(code).toBe(75);
    await registry.stop();
  });
});

// Alone: a start beside this one could take the port that becomes free.
it('waits at its start for a port that becomes free', async (context) => {
  const { expect } = context;
  const place = await newPlace(context);
  const { child, said, ended } = startXlreg(flags(place, { tcp: place.taken }));
  await said(/a port is not free yet/);
  place.holder.close();
  await said(/"started"/);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining(`ready tcp=${place.taken} `) });
});

it.concurrent.for(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s during its start', async (signal, context) => {
  const { expect } = context;
  const place = await newPlace(context);
  const { child, said, ended } = startXlreg(flags(place, { tcp: place.taken }));
  await said(/a port is not free yet/);
  child.kill(signal);
  expect(await ended).toMatchObject({ code: 0, stdout: '' });
});

describe('a start ends with 2', () => {
  it.for<[string, (place: Place) => string[], string]>([
    ['an unknown flag', () => ['serve', '--colour', 'red'], 'colour'],
    ['an address of another machine', (place) => flags(place, { tcp: 'name.invalid:0' }), 'name.invalid'],
  ])('for %s', async ([_, args, says], context) => {
    const { expect } = context;
    const { code, stderr } = await runXlreg(args(await newPlace(context)));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) });
  });

  it('for too few open files, and names the number needed', async ({ expect }) => {
    const args = ['--workers', '2'];
    await expect(startRegistry({ openFilesMax: 308, args })).rejects.toThrow(
      /ended with 2\nxlreg serve: the limit of open files is 308, but at least 309 are needed/,
    );
    expect(await (await startRegistry({ openFilesMax: 309, args })).stop()).toBe(0);
    const few = await startRegistry({ openFilesMax: 291, args: [...args, '--max-connections', '14'] });
    expect(await few.stop()).toBe(0);
  });

  const makeFile = (path: string) => {
    writeFileSync(path, '');
    return path;
  };
  const makeLink = (path: string, target: string) => {
    symlinkSync(target, path);
    return path;
  };
  const unusable: [string, (at: (name: string) => string) => string][] = [
    ['below /proc, where mkdir reports an existing directory as missing', () => '/proc/foo'],
    ['below /proc, deeper', () => '/proc/foo/bar'],
    ['below /sys', () => '/sys/foo'],
    ['below a device', () => '/dev/null/x'],
    ['that is a device', () => '/dev/full'],
    ['that is a file', (at) => makeFile(at('file'))],
    ['below a file', (at) => join(makeFile(at('file')), 'deeper/still')],
    ['that is a link to nowhere', (at) => makeLink(at('link'), at('nowhere'))],
    ['that is a link to itself', (at) => makeLink(at('loop'), at('loop'))],
    ['with too long a name', (at) => at('n'.repeat(300))],
  ];
  it.for(unusable)('with an error of one line for a data directory %s', async ([_, make], context) => {
    const { expect } = context;
    const { directory } = await newPlace(context);
    const dataDir = make((name) => join(directory, name));
    const error: unknown = await openDataDirectory(dataDir).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(IdentityError);
    expect((error as Error).message).not.toContain('\n');
    expect((error as Error).message).toContain(dataDir.slice(0, 40));
  });

  it('and says so in one line for such a data directory', async (context) => {
    const { expect } = context;
    const place = await newPlace(context);
    const dataDir = '/proc/foo';
    const { code, stdout, stderr } = await runXlreg(flags(place, { 'data-dir': dataDir }));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^xlreg serve: [^\n]+\n$/);
    expect(stderr).toContain(dataDir);
  });
});
