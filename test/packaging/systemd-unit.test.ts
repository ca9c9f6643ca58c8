// The systemd unit, as systemd itself reads it.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const UNIT = fileURLToPath(new URL('../../packaging/systemd/xlreg.service', import.meta.url));

const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8', timeout: 20_000 });
const version = analyze('--version');
if (version.error) console.log(`SKIPPED, systemd-analyze cannot be had here: ${version.error.message}`);

it.skipIf(version.error)('has nothing that systemd does not know', () => {
  // Where node is elsewhere, the unit's program is not there; that is for who installs it.
  const { stdout, stderr } = analyze('verify', UNIT);
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !line.includes('/usr/bin/node'));
  expect(complaints).toEqual([]);
});

it.skipIf(version.error)('is sandboxed', () => {
  const { stdout, status } = analyze('security', '--offline=true', '--threshold=20', UNIT);
  expect({ status, overall: /Overall exposure level.*/.exec(stdout)?.[0] }).toMatchObject({ status: 0 });
});
