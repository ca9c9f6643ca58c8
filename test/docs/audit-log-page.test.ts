// The reference of the audit log has a row for each action of the admin port.
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { AUDITED_ACTIONS } from '../../src/admin/audited-actions.ts';

const page = await readFile(new URL('../../docs/reference/audit-log.md', import.meta.url), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| `'));

it.each([...new Set(Object.values(AUDITED_ACTIONS).map(({ action }) => action))])('describes %s', (action) => {
  expect(rows.filter((row) => row.split('|')[1]!.includes(`\`${action}\``))).toHaveLength(1);
});
