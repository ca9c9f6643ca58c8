// Orders to a running registry, over its admin port.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADMIN_TOKEN_FILE } from '../admin/admin-token.ts';
import { DATA_DIRECTORY } from './data-directory.ts';
import { OperatorError } from './operator-error.ts';

/** Where it is unless told otherwise. */
export const ADMIN = '127.0.0.1:56791';

/** Where the port is, and what opens it. */
export interface AdminPort {
  readonly admin: string;
  readonly token: string;
}

/** The flags by which commands find it. */
export const ADMIN_FLAGS = {
  admin: { type: 'string', default: ADMIN },
  'data-dir': { type: 'string', default: DATA_DIRECTORY },
  'token-file': { type: 'string' },
} as const;

/** Reads the token: of --token-file, or in --data-dir. Rejects with OperatorError. */
export async function adminPort(values: {
  readonly admin: string;
  readonly 'data-dir': string;
  readonly 'token-file'?: string | undefined;
}): Promise<AdminPort> {
  const path = values['token-file'] ?? join(values['data-dir'], ADMIN_TOKEN_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new OperatorError(`the token in ${path} cannot be read: ${error.code}`, 2);
  });
  return { admin: values.admin, token: text.trim() };
}

/** Makes a request, `POST /drain`, with a JSON body if there is one, and resolves to the answer's JSON. Rejects with OperatorError: nobody answers, or what was answered. */
export async function askAdmin(
  { admin, token }: AdminPort,
  route: string,
  what: string,
  signal: AbortSignal,
  content?: unknown,
): Promise<unknown> {
  const [method, path] = route.split(' ') as [string, string];
  const headers = { authorization: `Bearer ${token}` };
  const body = content === undefined ? null : JSON.stringify(content);
  const answer = await fetch(adminUrl(admin, path), { method, headers, signal, body }).catch((error: Error) => {
    throw new OperatorError(`no registry answers at ${admin}: ${String(error.cause ?? error.message)}`, 3);
  });
  const text = await answer.text();
  if (!answer.ok) throw new OperatorError(`the registry ${what}: ${text.trim()}`, 1);
  return JSON.parse(text);
}

/** `HOST:PORT`, or `https://HOST:PORT` of a registry with --admin-tls; NODE_EXTRA_CA_CERTS names whom to trust. */
export function adminUrl(admin: string, path: string): string {
  return `${admin.includes('://') ? admin : `http://${admin}`}${path}`;
}
