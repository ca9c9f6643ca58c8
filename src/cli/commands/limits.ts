// xlreg limits: shows the limits of a running registry, their use, and what they refused.
import { z } from 'zod';
import { escapeText } from '../../client/escape-text.ts';
import { ADMIN_FLAGS, adminPort, askAdmin } from '../admin-port.ts';
import { readArguments } from '../client-flags.ts';
import type { JsonForm } from '../json-forms.ts';
import { printJson, printTable } from '../print.ts';

const FORM = z.looseObject({
  limits: z.array(z.looseObject({ setting: z.string() })),
  addresses: z.array(z.looseObject({ address: z.string(), refused: z.record(z.string(), z.number()) })),
});

/** Resolves to 0; rejects with UsageError or OperatorError. */
export async function limits(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = { ...ADMIN_FLAGS, json: { type: 'boolean' } } as const;
  const { values } = readArguments(args, { positionals: [], options });
  const reply = await askAdmin(await adminPort(values), 'GET /api/limits', 'refused', FORM, signal);
  const report = reply as unknown as JsonForm<'limits'>;
  if (values.json) printJson('limits', report);
  else printReport(report);
  return 0;
}

function printReport({ minutes, limits, addresses }: JsonForm<'limits'>): void {
  const refused = `REFUSED IN ${minutes} MIN`;
  const rows = limits.map((row) => [row.setting, row.value, row.use ?? '-', row.refused, row.refusedTotal].map(String));
  printTable([['SETTING', 'VALUE', 'USE', refused, 'SINCE START'], ...rows.map((row) => row.map(escapeText))]);
  if (addresses.length === 0) return;
  process.stdout.write('\n');
  const lines = addresses.map((entry) => {
    const counts = Object.entries(entry.refused).toSorted(([, a = 0], [, b = 0]) => b - a);
    const sum = counts.reduce((all, [, count = 0]) => all + count, 0);
    return [entry.address, String(sum), counts.map(([limit, count]) => `${limit} ${count}`).join(', ')].map(escapeText);
  });
  printTable([['ADDRESS', refused, 'LIMITS'], ...lines]);
}
