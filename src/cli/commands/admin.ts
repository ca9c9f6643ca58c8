// xlreg admin token: lists, adds and revokes the admin tokens of a running registry, and rotates the local one.
import { z } from 'zod';
import { ROLES, type Role } from '../../admin/roles.ts';
import { escapeText } from '../../client/escape-text.ts';
import { ADMIN_FLAGS, adminPort, askAdmin, DONE } from '../admin-port.ts';
import { lifetimeSeconds, readArguments, UsageError } from '../client-flags.ts';
import { printJson, printTable } from '../print.ts';

const FLAGS = { ...ADMIN_FLAGS, json: { type: 'boolean' } } as const;

const TOKEN = z.looseObject({
  name: z.string(),
  role: z.enum(ROLES),
  created: z.string().nullable(),
  expires: z.string().nullable(),
  expired: z.boolean(),
});
const LIST = z.looseObject({ tokens: z.array(TOKEN) });

/** Resolves to 0. Rejects with UsageError or OperatorError. */
export async function admin([what, verb, ...args]: readonly string[], signal: AbortSignal): Promise<number> {
  const act = what === 'token' ? ACTIONS.get(verb ?? '') : undefined;
  if (!act) throw new UsageError('use xlreg admin token add, list, revoke or rotate');
  return act(args, signal);
}

const ACTIONS: ReadonlyMap<string, (args: readonly string[], signal: AbortSignal) => Promise<number>> = new Map([
  ['add', add],
  ['list', list],
  ['revoke', revoke],
  ['rotate', rotate],
]);

/** Prints the secret of the new token alone on stdout, so that it can go to a file. */
async function add(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = { ...FLAGS, role: { type: 'string' }, ttl: { type: 'string' } } as const;
  const { values, positionals } = readArguments(args, { positionals: ['NAME'], options });
  const { role, ttl } = values;
  if (role === undefined || !ROLES.includes(role as Role)) throw new UsageError(`--role should be ${ROLES.join(', ')}`);
  const content = {
    name: positionals[0]!,
    role,
    ttlSeconds: ttl === undefined ? undefined : lifetimeSeconds('--ttl', ttl),
  };
  const form = TOKEN.extend({ token: z.string() });
  const made = await askAdmin(await adminPort(values), 'POST /api/tokens', 'refused', form, signal, content);
  if (values.json) {
    const { name, expires, token } = made;
    printJson('admin-token-add', { name, role: made.role, expires, token });
    return 0;
  }
  process.stdout.write(`${made.token}\n`);
  const until = made.expires === null ? 'does not expire' : `expires ${made.expires}`;
  process.stderr.write(`token ${made.name}, role ${made.role}, ${until}; the registry does not show it again\n`);
  return 0;
}

async function list(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values } = readArguments(args, { positionals: [], options: FLAGS });
  const { tokens } = await askAdmin(await adminPort(values), 'GET /api/tokens', 'refused', LIST, signal);
  if (values.json) {
    printJson('admin-token-list', { tokens });
    return 0;
  }
  const rows = tokens.map(({ name, role, created, expires, expired }) => {
    return [name, role, created ?? '-', expired ? `expired ${expires}` : (expires ?? 'never')].map(escapeText);
  });
  printTable([['NAME', 'ROLE', 'CREATED', 'EXPIRES'], ...rows]);
  return 0;
}

async function revoke(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = readArguments(args, { positionals: ['NAME'], options: FLAGS });
  const name = positionals[0]!;
  const path = `/api/tokens/${encodeURIComponent(name)}`;
  await askAdmin(await adminPort(values), `DELETE ${path}`, 'refused', DONE, signal);
  if (values.json) printJson('admin-token-revoke', { revoked: name });
  else process.stdout.write(`revoked ${escapeText(name)}\n`);
  return 0;
}

async function rotate(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values } = readArguments(args, { positionals: [], options: FLAGS });
  await askAdmin(await adminPort(values), 'POST /api/tokens/local/rotate', 'refused', DONE, signal);
  if (values.json) printJson('admin-token-rotate', { rotated: 'local' });
  else process.stdout.write('rotated: the new token is in admin-token of the data directory\n');
  return 0;
}
