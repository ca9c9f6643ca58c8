// Checks the systemd unit with systemd-analyze.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { SERVE_EXIT_CODES } from '../../src/cli/serve-help.ts';

const UNIT = fileURLToPath(new URL('../../packaging/systemd/xlreg.service', import.meta.url));

const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8', timeout: 20_000 });
const version = analyze('--version');
if (version.error) console.log(`SKIPPED, systemd-analyze cannot run here: ${version.error.message}`);

it.skipIf(version.error)('has only directives that systemd knows', () => {
  // Ignore that neither the program nor its man page is installed here.
  const { stdout, stderr } = analyze('verify', UNIT);
  const complaints = `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line !== '' && !/xlreg is not executable|man:xlreg|xlreg\(1\)/.test(line));
  expect(complaints).toEqual([]);
});

it.skipIf(version.error)('has an exposure of at most 2.0', () => {
  const { stdout, status } = analyze('security', '--offline=true', '--threshold=20', UNIT);
  expect({ status, overall: /Overall exposure level.*/.exec(stdout)?.[0] }).toMatchObject({ status: 0 });
});

it('restarts after each exit code but those of an orderly stop and of wrong settings', () => {
  const codes = [...SERVE_EXIT_CODES.matchAll(/^ +(\d+) +(.*)$/gm)].map(
    ([, code, meaning]) => [code, meaning] as const,
  );
  const final = codes.filter(([code, meaning]) => code !== '0' && meaning!.startsWith('wrong settings'));
  const unit = readFileSync(UNIT, 'utf8');
  expect(codes).toHaveLength(4);
  expect(/^RestartPreventExitStatus=(.*)$/m.exec(unit)![1]!.split(' ')).toEqual(final.map(([code]) => code));
  expect(unit).toMatch(/^Restart=on-failure$/m);
});
