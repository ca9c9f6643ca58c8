// Reads a registry's credentials from a file, a URL or a text, and holds them against a pinned fingerprint.
import type { KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { REG_CRED_BYTES_MAX } from '../limits.ts';
import { readBounded } from '../runtime/read-bounded.ts';
import type { SessionDialect } from '../wire/hello.ts';
import { parseRegCred, type RegCred, RegCredError } from '../wire/reg-cred.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import { withDeadline } from './deadline.ts';
import { CredentialsMissing, RegistryUnreachable, RegistryUntrusted } from './errors.ts';
import { whyUnreachable } from './tcp-transport.ts';

const FETCH_TIMEOUT_MS = 10_000;
const REG_CRED_PATH = '/regCred.dat';
const WEBSOCKET_PATH = '/xlreg';
/** The longest form of a fingerprint, hex with colons, has 95 characters. */
const FINGERPRINT_CHARS_MAX = 128;

/** Credentials as a path, an http(s) URL, the text of a regCred.dat, or parsed. */
export type CredentialsSource = string | URL | RegCred;

/** Returns the http(s) URL that a source is; its path defaults to /regCred.dat. Undefined for other sources. */
export function urlOfSource(source: CredentialsSource): URL | undefined {
  const text = source instanceof URL ? source.href : source;
  if (typeof text !== 'string' || !/^https?:\/\//.test(text)) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Errors show the URL.
  if (url === undefined || url.username !== '' || url.password !== '') {
    throw new TypeError('the URL of credentials should be http://HOST:PORT/regCred.dat, without user and password');
  }
  if (url.pathname === '/') url.pathname = REG_CRED_PATH;
  return url;
}

/**
 * Reads credentials. Rejects with CredentialsMissing or RegCredError (file, text), RegistryUnreachable or
 * RegistryUntrusted (URL), or with the signal's reason.
 */
export async function readCredentials(source: CredentialsSource, signal: AbortSignal): Promise<RegCred> {
  const url = urlOfSource(source);
  if (url) return parsed(await fetchText(url, signal), url.href, RegistryUntrusted);
  if (source instanceof URL) return await readFileOf(source);
  if (typeof source !== 'string') return source;
  return /^\s*regCred \{/.test(source) ? parseRegCred(source) : await readFileOf(source);
}

async function readFileOf(path: string | URL): Promise<RegCred> {
  let text: string;
  try {
    // `end` is inclusive, so this reads one byte more than allowed.
    text = await readText(createReadStream(path, { end: REG_CRED_BYTES_MAX }));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = `${path} cannot be read: ${code ?? message}`;
    throw new CredentialsMissing(why, { retryable: code === 'ENOENT', cause });
  }
  if (text === '') throw new CredentialsMissing(`${path} is empty`);
  return parsed(text, String(path), RegCredError);
}

function parsed(
  text: string,
  source: string,
  Fault: new (message: string, options: ErrorOptions) => RegCredError | RegistryUntrusted,
): RegCred {
  try {
    return parseRegCred(text);
  } catch (cause) {
    throw new Fault(`${source} holds no credentials: ${(cause as Error).message}`, { cause });
  }
}

/** The key of a registry that a session proves: the sig key in `sealed`, the comms key in the RSA dialects. */
export function provenKey(
  regCred: RegCred,
  dialect: SessionDialect,
): { readonly name: string; readonly key: KeyObject } {
  if (dialect === 'sealed') return { name: 'sig key', key: regCred.sigKey };
  return { name: 'comms key', key: regCred.commsKey };
}

/**
 * Returns a fingerprint in the form `SHA256:` and base64. Accepts that form, as ssh-keygen prints it, and 64 hex digits
 * with or without colons. Undefined for anything else.
 */
export function parseFingerprint(text: string): string | undefined {
  // The bound also limits the search for trailing `=`, which takes quadratic time.
  const bare = text.length <= FINGERPRINT_CHARS_MAX ? text.replace(/^SHA256:/, '') : '';
  const hex = bare.replaceAll(':', '');
  const digest = /^[0-9A-Fa-f]{64}$/.test(hex) ? Buffer.from(hex, 'hex') : Buffer.from(bare, 'base64');
  const base64 = digest.toString('base64').replace(/=+$/, '');
  const isOne =
    digest.length === 32 && (base64 === bare.replace(/=+$/, '') || digest.toString('hex') === hex.toLowerCase());
  return isOne ? `SHA256:${base64}` : undefined;
}

/** The form of a fingerprint, for errors. */
export const FINGERPRINT_FORM = 'SHA256:… as xlreg regcred prints it, or 64 hex digits';

/** parseFingerprint() of an option that may be left out. Throws TypeError, which names it. */
export function pinOf(text: string | undefined, what: string): string | undefined {
  const pin = text === undefined ? undefined : parseFingerprint(text);
  if (text !== undefined && pin === undefined) throw new TypeError(`${what} should be ${FINGERPRINT_FORM}`);
  return pin;
}

/**
 * Throws RegistryUntrusted unless the key that the dialect proves has this fingerprint. The text has no fingerprint of
 * these credentials, as nothing vouches for them. `pin` names the option of the caller.
 */
export function assertPinned(regCred: RegCred, fingerprint: string, dialect: SessionDialect, pin: string): void {
  const { name, key } = provenKey(regCred, dialect);
  if (keyFingerprint(key) === fingerprint) return;
  const other = provenKey(regCred, dialect === 'sealed' ? 'prefixed' : 'sealed');
  const ask = `ask the registry's operator for the ${name} that xlreg regcred prints`;
  const why =
    keyFingerprint(other.key) === fingerprint
      ? `${pin} is that of the ${other.name}, and the dialect ${dialect} proves the ${name}`
      : `the registry has another ${name} than ${pin} demands`;
  throw new RegistryUntrusted(`${why}: ${ask}`, { code: 'FINGERPRINT_MISMATCH' });
}

/** Fetches text, 64 KiB at most. Rejects with RegistryUnreachable, or with the signal's reason. */
export async function fetchText(url: URL, signal: AbortSignal, timeoutMs = FETCH_TIMEOUT_MS): Promise<string> {
  try {
    return await withDeadline({ timeoutMs, signal, missed: 'no answer' }, async (deadline) => {
      const response = await fetch(url, { signal: deadline });
      if (!response.ok) throw statusError(url, response.status);
      return await readText(response.body ?? []);
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RegistryUnreachable) throw error;
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? whyUnreachable(cause) : message;
    throw new RegistryUnreachable(`${url.href}: ${why}`, { cause: error });
  }
}

/** Statuses that may pass, although they blame the client: too late, too early, too many requests. */
const PASSING_STATUSES = [408, 425, 429];

function statusError({ href }: URL, status: number): RegistryUnreachable {
  const text = `${href}: status ${status}`;
  if (status >= 500 || PASSING_STATUSES.includes(status)) return new RegistryUnreachable(text);
  const next = 'correct the URL; a web port of the registry has /regCred.dat';
  return new RegistryUnreachable(`${text}: ${next}`, { code: 'CREDENTIALS_URL_WRONG', retryable: false });
}

/** Rejects at more bytes than credentials can have (C5). */
async function readText(source: AsyncIterable<Uint8Array> | readonly Uint8Array[]): Promise<string> {
  return (await readBounded(source, REG_CRED_BYTES_MAX)).toString('latin1');
}

/** The WebSocket URL of the registry whose web port publishes credentials at `url`. */
export function webSocketOf(url: URL): string {
  return `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}${WEBSOCKET_PATH}`;
}
