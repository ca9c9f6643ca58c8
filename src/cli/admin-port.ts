// Requests of commands to the admin port of a running registry.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { z } from 'zod';
import { ADMIN_TOKEN_FILE } from '../admin/admin-token.ts';
import { jsonOf } from '../admin/json-of.ts';
import { escapeText } from '../client/escape-text.ts';
import { codeMayPass } from '../client/refusal-codes.ts';
import { readSome, type SettingSources } from '../config.ts';
import { readBounded } from '../runtime/read-bounded.ts';
import { OperatorError } from './operator-error.ts';
import { DATA_DIRECTORY_FLAGS, operatorSources, orUsageError, reachableAddress } from './operator-settings.ts';

/** Milliseconds from a request to the head of its reply. */
const REPLY_MS = 15_000;

/** Most bytes of a reply that a command holds in memory. A page of 1,000 rows has less than 1 MiB. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** Their reply comes after the copy of the table, which takes as long as the table is large. */
const SLOW_ROUTES = ['POST /backup', 'POST /api/backup'];

/** The reply to a change. */
export const DONE = z.looseObject({ done: z.literal(true) });

/** Code of the error for a connection without a reply. */
export const SILENT = 'ADMIN_PORT_SILENT';

class SilentError extends Error {
  override readonly name = 'SilentError';

  constructor() {
    super(`it took the connection, but did not reply within ${REPLY_MS / 1000} s: it hangs, or is another program`);
  }
}

/** An admin port, and the secret that it asks for. */
export interface AdminPort {
  /** Such as `http://127.0.0.1:56791`. */
  readonly url: string;
  /** PEM certificates of the trusted authorities; undefined for those of the system. */
  readonly ca: string | undefined;
  readonly token: string;
  readonly tokenFile: string;
  /** The registry's data directory. */
  readonly dataDir: string;
}

/** The flags that select the admin port. Each is an environment variable, too. */
export const ADMIN_FLAGS = {
  admin: { type: 'string' },
  'token-file': { type: 'string' },
  cacert: { type: 'string' },
  ...DATA_DIRECTORY_FLAGS,
} as const;

type AdminFlags = { readonly [Name in keyof typeof ADMIN_FLAGS]?: string | undefined };

/** Finds the admin port and reads the admin token. Rejects with UsageError or OperatorError. */
export async function adminPort(values: AdminFlags): Promise<AdminPort> {
  const sources = operatorSources(values);
  const url = adminUrl(values.admin ?? process.env.XLREG_ADMIN, sources);
  const { dataDir } = orUsageError(() => readSome(['data-dir'], sources));
  const cacert = values.cacert ?? process.env.XLREG_CACERT;
  const tokenFile = values['token-file'] ?? process.env.XLREG_TOKEN_FILE ?? join(dataDir, ADMIN_TOKEN_FILE);
  return {
    url,
    ca: cacert === undefined ? undefined : await readNamed('the certificates of --cacert', cacert),
    token: (await readNamed('the admin token', tokenFile, '; pass --data-dir, --config or --token-file')).trim(),
    tokenFile,
    dataDir,
  };
}

/** `given` may also be a URL, which no server listens on. The scheme of an address follows the setting `admin-tls`. */
function adminUrl(given: string | undefined, sources: SettingSources): string {
  if (given !== undefined && /^https?:\/\//.test(given)) return given.replace(/\/+$/, '');
  const { admin, adminTls } = orUsageError(() => readSome(['admin', 'admin-tls'], sources));
  const from = sources.given.get('admin')?.[0]?.from;
  if (admin === undefined) throw new OperatorError(`${from} turns the admin port off: this command needs it`, 2);
  if (admin.port === 0) throw new OperatorError(`${from} has the port 0: pass --admin HOST:PORT of the registry`, 2);
  return `${adminTls === undefined ? 'http' : 'https'}://${reachableAddress(admin)}`;
}

function readNamed(what: string, path: string, advice = ''): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new OperatorError(`cannot read ${what} in ${path}: ${error.code}${advice}`, 2);
  });
}

/** Like callAdmin; resolves to the JSON of the response. `form` has the keys that the command cannot do without. */
export async function askAdmin<Reply>(
  port: AdminPort,
  route: string,
  what: string,
  form: z.ZodType<Reply>,
  signal: AbortSignal,
  content?: unknown,
): Promise<Reply> {
  const answer = await callAdmin(port, route, what, signal, content);
  const body = await readBounded(answer, REPLY_BYTES_MAX).catch((error: Error) => {
    signal.throwIfAborted();
    if (error instanceof RangeError) throw noRegistry(port, answer);
    throw new OperatorError(`the connection to ${port.url} broke: ${error.message}`, 3);
  });
  const reply = form.safeParse(jsonOf(body));
  if (!reply.success) throw noRegistry(port, answer);
  return reply.data;
}

/** The message and the code of a refusal; undefined if the body is none. */
function reasonIn(body: Buffer): { readonly message: string; readonly code: string } | undefined {
  try {
    const { message, code } = (JSON.parse(body.toString()) as { error: { message: unknown; code: unknown } }).error;
    return {
      message: escapeText(String(message)),
      code: `REFUSED_${escapeText(String(code)).toUpperCase().replaceAll('-', '_')}`,
    };
  } catch {
    return undefined;
  }
}

/** The error for an answer that no registry gives. Its body may be a page of a proxy. */
function noRegistry({ url }: AdminPort, { statusCode = 0 }: IncomingMessage): OperatorError {
  const message = `${url} answers ${statusCode}, but not as a registry does: is it the admin port?`;
  return new OperatorError(message, 1, { retryable: statusCode > 500 });
}

/**
 * Makes a request such as `POST /drain`, with a JSON body if there is `content`. Resolves to a response whose status is
 * good, unread. Rejects with OperatorError if there is no response or an error status; `what` completes "the registry
 * …" in its message.
 */
export async function callAdmin(
  port: AdminPort,
  route: string,
  what: string,
  signal: AbortSignal,
  content?: unknown,
): Promise<IncomingMessage> {
  const answer = await openAdmin(port, route, signal, content);
  if (answer.statusCode! >= 200 && answer.statusCode! < 300) return answer;
  const body = await readBounded(answer, REPLY_BYTES_MAX).catch(() => Buffer.alloc(0));
  const reason = reasonIn(body);
  if (reason === undefined) throw noRegistry(port, answer);
  // The secret may be of another registry, revoked, or rotated.
  const advice = answer.statusCode === 401 ? `; it was read from ${port.tokenFile}` : '';
  // An unknown ID does not come back.
  const mayPass = codeMayPass(reason.code) && !route.includes('/clusters/id%3A');
  // 503 means that the server is not ready, or busy.
  const facts = { code: reason.code, retryable: answer.statusCode === 503 || mayPass };
  throw new OperatorError(`the registry ${what}: ${reason.message}${advice}`, 1, facts);
}

/** Makes a request and resolves to the response, of any status, unread. Rejects with OperatorError if there is none. */
export async function openAdmin(
  { url, token, ca }: AdminPort,
  route: string,
  signal: AbortSignal,
  content?: unknown,
): Promise<IncomingMessage> {
  const [method, path] = route.split(' ') as [string, string];
  const body = content === undefined ? undefined : JSON.stringify(content);
  let timer: NodeJS.Timeout | undefined;
  try {
    // fetch() cannot be given certificates.
    const request = url.startsWith('https:')
      ? requestHttps(`${url}${path}`, { method, signal, agent: false, ...(ca === undefined ? {} : { ca }) })
      : requestHttp(`${url}${path}`, { method, signal, agent: false });
    request.setHeader('authorization', `Bearer ${token}`);
    if (body !== undefined) request.setHeader('content-length', Buffer.byteLength(body));
    request.end(body);
    if (!SLOW_ROUTES.includes(route)) timer = setTimeout(() => request.destroy(new SilentError()), REPLY_MS);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    // The response reports later errors.
    request.on('error', () => {});
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof SilentError ? SILENT : undefined;
    throw new OperatorError(`no registry answers at ${url}: ${whyNot(error as NodeJS.ErrnoException)}`, 3, { code });
  } finally {
    clearTimeout(timer);
  }
}

const CERTIFICATE_CODES = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_)/;

function whyNot(error: NodeJS.ErrnoException): string {
  const inner = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  const { code = '', message } = inner;
  return CERTIFICATE_CODES.test(code) ? `${message}; pass --cacert FILE with its authority` : message;
}
