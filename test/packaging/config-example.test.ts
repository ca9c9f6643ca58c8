// The example configuration file and the table of settings have every setting and no other.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readConfig, SETTING_NAMES } from '../../src/config.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const EXAMPLE = at('packaging/config.example.json');
/** Settings that the example sets differently: they have no default, or it depends on the machine. */
const OF_ITS_OWN = [
  ...['dataDir', 'advertise', 'workers', 'storeBytesMax', 'slowSessionMs'],
  ...['etcdPrefix', 'etcdUser', 'etcdPasswordFile', 'auditLog'],
];

describe('packaging/config.example.json', () => {
  it('has every setting, in the order of the code', () => {
    expect(Object.keys(JSON.parse(readFileSync(EXAMPLE, 'utf8')))).toEqual(SETTING_NAMES);
  });

  it('is valid, and shows the default of every setting that has one', () => {
    const changed = Object.entries(readConfig(['--config', EXAMPLE], {})).filter(
      ([name]) => !OF_ITS_OWN.includes(name),
    );
    const defaults: Readonly<Record<string, unknown>> = readConfig([], {});
    for (const [name, value] of changed) expect(value, name).toEqual(defaults[name]);
  });
});

it('docs/reference/settings.md explains every setting', () => {
  const rows = readFileSync(at('docs/reference/settings.md'), 'utf8').split('\n');
  const explained = rows.flatMap((row) => /^\| `([a-z-]+)` \|/.exec(row)?.[1] ?? []);
  expect(explained.toSorted()).toEqual(SETTING_NAMES.toSorted());
});
