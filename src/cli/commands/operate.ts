// xlreg clusters, evict, delete, unmark and sessions: show and change a running registry over the API of its admin port.
import { z } from 'zod';
import { escapeText } from '../../client/escape-text.ts';
import { ADMIN_FLAGS, adminPort, askAdmin, DONE } from '../admin-port.ts';
import { readArguments } from '../client-flags.ts';
import type { JsonForm } from '../json-forms.ts';
import { printJson, printTable } from '../print.ts';

const JSON_FLAG = { json: { type: 'boolean' } } as const;
const PAGE_FLAGS = { limit: { type: 'string' }, cursor: { type: 'string' } } as const;
const CLUSTER_FLAGS = { prefix: { type: 'string' }, fill: { type: 'string' } } as const;

/** An older registry may lack a column. */
const ROWS = z.array(z.looseObject({}));

type Row = Readonly<Record<string, string | number | boolean | undefined>>;

/** Says in place of the fill state how many have confirmed, or that the cluster is complete. */
function withProgress({ forming, fill, complete, ...row }: JsonForm<'clusters'>['clusters'][number]): Row {
  if (complete) return { ...row, fill: 'complete' };
  if (!forming || forming.roundAgeMs === null) return { ...row, fill };
  const seconds = Math.floor(forming.roundAgeMs / 1_000);
  return { ...row, fill: `forming: ${forming.confirmed} confirmed in ${seconds} s` };
}

/** Prints a page of clusters. Resolves to 0; rejects with UsageError or OperatorError, as do those below. */
export async function clusters(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = { ...ADMIN_FLAGS, ...JSON_FLAG, ...PAGE_FLAGS, ...CLUSTER_FLAGS };
  const { values } = readArguments(args, { positionals: [], options });
  const { prefix, fill, limit, cursor } = values;
  const path = `/api/clusters${queryOf({ prefix, fill, limit, cursor })}`;
  const form = z.looseObject({ clusters: ROWS });
  const reply = await askAdmin(await adminPort(values), `GET ${path}`, 'refused', form, signal);
  const page = reply as unknown as JsonForm<'clusters'>;
  if (values.json) printJson('clusters', page);
  else printPage(page.clusters.map(withProgress), page.next, ['name', 'fill', 'members', 'size', 'keep', 'id']);
  return 0;
}

/** Prints a page of sessions. */
export async function sessions(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = { ...ADMIN_FLAGS, ...JSON_FLAG, ...PAGE_FLAGS };
  const { values } = readArguments(args, { positionals: [], options });
  const { limit, cursor } = values;
  const path = `/api/sessions${queryOf({ limit, cursor })}`;
  const form = z.looseObject({ sessions: ROWS });
  const reply = await askAdmin(await adminPort(values), `GET ${path}`, 'refused', form, signal);
  const page = reply as unknown as JsonForm<'sessions'>;
  const columns = [
    'connection',
    'transport',
    'address',
    'dialect',
    'messages',
    'ageMs',
    'clientName',
    'clientId',
    'twin',
  ];
  if (values.json) printJson('sessions', page);
  else printPage(page.sessions, page.next, columns);
  return 0;
}

/** Evicts a member from a cluster. */
export async function evict(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = { ...ADMIN_FLAGS, ...JSON_FLAG };
  const { values, positionals } = readArguments(args, { positionals: ['CLUSTER', 'MEMBER'], options });
  const [cluster, member] = positionals.map(encodeURIComponent);
  await askAdmin(await adminPort(values), `DELETE /api/clusters/${cluster}/members/${member}`, 'refused', DONE, signal);
  const evicted = positionals[1]!;
  if (values.json) printJson('evict', { evicted });
  else printDone('evicted', evicted);
  return 0;
}

/** Deletes a cluster with its members. */
export async function deleteCluster(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = { ...ADMIN_FLAGS, ...JSON_FLAG };
  const { values, positionals } = readArguments(args, { positionals: ['CLUSTER'], options });
  const path = `/api/clusters/${encodeURIComponent(positionals[0]!)}`;
  await askAdmin(await adminPort(values), `DELETE ${path}`, 'refused', DONE, signal);
  const deleted = positionals[0]!;
  if (values.json) printJson('delete', { deleted });
  else printDone('deleted', deleted);
  return 0;
}

/** Lifts the mark of a client, or all marks: the old dialects are then open to it again. */
export async function unmark(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = { ...ADMIN_FLAGS, ...JSON_FLAG, all: { type: 'boolean', default: false } } as const;
  const isAll = args.includes('--all');
  const { values, positionals } = readArguments(args, { positionals: isAll ? [] : ['CLIENT'], options });
  const path = isAll ? '/api/marks' : `/api/marks/${encodeURIComponent(positionals[0]!)}`;
  await askAdmin(await adminPort(values), `DELETE ${path}`, 'refused', DONE, signal);
  const unmarked = isAll ? 'all clients' : positionals[0]!;
  if (values.json) printJson('unmark', { unmarked });
  else printDone('unmarked', unmarked);
  return 0;
}

function queryOf(fields: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

function printPage(rows: readonly Row[], next: string | number | null, columns: readonly string[]): void {
  const lines = rows.map((row) => columns.map((column) => escapeText(String(row[column] ?? '-'))));
  printTable([columns.map((column) => column.replaceAll(/[A-Z]/g, ' $&').toUpperCase()), ...lines]);
  if (next !== null) process.stdout.write(`more: --cursor ${escapeText(String(next))}\n`);
}

function printDone(what: string, name: string): void {
  process.stdout.write(`${what} ${escapeText(name)}\n`);
}
