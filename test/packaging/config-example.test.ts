// The example of a configuration file and the page of settings hold every setting, and no other.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readConfig, SETTING_NAMES } from '../../src/config.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const EXAMPLE = at('packaging/config.example.json');
/** What the example has otherwise than the default, because there is none or it is of the machine. */
const OF_ITS_OWN = [
  ...['dataDir', 'advertise', 'workers', 'storeBytesMax', 'slowSessionMs'],
  ...['etcdPrefix', 'etcdUser', 'etcdPasswordFile'],
];

describe('packaging/config.example.json', () => {
  it('has every setting, in order', () => {
    expect(Object.keys(JSON.parse(readFileSync(EXAMPLE, 'utf8')))).toEqual(SETTING_NAMES);
  });

  it('is good, and has the defaults where there are some', () => {
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
