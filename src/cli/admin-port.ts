// Requests of commands to the admin port of a running registry.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADMIN_TOKEN_FILE } from '../admin/admin-token.ts';
import { DATA_DIRECTORY } from './data-directory.ts';
import { OperatorError } from './operator-error.ts';

/** The default admin port. */
export const ADMIN = '127.0.0.1:56791';

/** The address of an admin port, and its admin token. */
export interface AdminPort {
  readonly admin: string;
  readonly token: string;
}

/** The flags that select the admin port. */
export const ADMIN_FLAGS = {
  admin: { type: 'string', default: ADMIN },
  'data-dir': { type: 'string', default: DATA_DIRECTORY },
  'token-file': { type: 'string' },
} as const;

/** Reads the admin token from --token-file or --data-dir. Rejects with OperatorError. */
export async function adminPort(values: {
  readonly admin: string;
  readonly 'data-dir': string;
  readonly 'token-file'?: string | undefined;
}): Promise<AdminPort> {
  const path = values['token-file'] ?? join(values['data-dir'], ADMIN_TOKEN_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new OperatorError(
      `cannot read the admin token in ${path}: ${error.code}; pass --token-file or --data-dir`,
      2,
    );
  });
  return { admin: values.admin, token: text.trim() };
}

/**
 * Makes a request such as `POST /drain`, with a JSON body if there is `content`. Resolves to the JSON of the response.
 * Rejects with OperatorError if there is no response or an error status; `what` completes "the registry …" in its
 * message.
 */
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
  if (!answer.ok) throw new OperatorError(`the registry ${what}: ${reasonIn(text)}`, 1);
  return JSON.parse(text);
}

/** The message of a refusal in JSON, or the line of text. */
function reasonIn(text: string): string {
  try {
    return String((JSON.parse(text) as { error: { message: unknown } }).error.message);
  } catch {
    return text.trim();
  }
}

/**
 * `admin` is `HOST:PORT`, or `https://HOST:PORT` for --admin-tls. NODE_EXTRA_CA_CERTS names the trusted authorities.
 */
export function adminUrl(admin: string, path: string): string {
  return `${admin.includes('://') ? admin : `http://${admin}`}${path}`;
}
