// Reads the registry's credentials from --registry, checks them against --fingerprint, and derives the end points from
// --connect and --transport.
import type { KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { withDeadline } from '../client/deadline.ts';
import {
  type ConnectOptions,
  parseRegCred,
  type RegCred,
  RegistryUnreachable,
  RegistryUntrusted,
  type SessionDialect,
} from '../client/index.ts';
import { targetsOf } from '../client/target.ts';
import { whyUnreachable } from '../client/tcp-transport.ts';
import { REG_CRED_BYTES_MAX } from '../limits.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import { type ClientFlags, UsageError } from './client-flags.ts';

const FETCH_TIMEOUT_MS = 10_000;
const REG_CRED_PATH = '/regCred.dat';
const WEBSOCKET_PATH = '/xlreg';

/** The file of --registry is missing or empty. It may still arrive, so --wait tries again. */
export class RegistryFileMissing extends UsageError {}

const warned = new WeakSet<ClientFlags>();

/**
 * Reads the credentials. Rejects with UsageError (file), RegistryUnreachable (URL) or RegistryUntrusted (URL,
 * fingerprint).
 */
export async function readRegistry(flags: ClientFlags, signal: AbortSignal): Promise<RegCred> {
  const { registry, fingerprint } = flags;
  const url = urlOf(registry);
  if (url?.protocol === 'http:' && fingerprint === undefined && !warned.has(flags)) {
    warned.add(flags);
    process.stderr.write(
      `xlreg: ${url.href} without --fingerprint: anyone on the network path can impersonate the registry\n`,
    );
  }
  const regCred = url ? parse(await fetchText(url, signal), url.href, RegistryUntrusted) : await readRegCred(registry);
  if (fingerprint !== undefined) assertPinned(regCred, fingerprint, flags.dialect);
  return regCred;
}

/** The key of a registry that a session proves: the sig key in `sealed`, the comms key in the RSA dialects. */
export function provenKey(
  regCred: RegCred,
  dialect: SessionDialect,
): { readonly name: string; readonly key: KeyObject } {
  if (dialect === 'sealed') return { name: 'sig key', key: regCred.sigKey };
  return { name: 'comms key', key: regCred.commsKey };
}

/** Throws RegistryUntrusted. Its text has no fingerprint of these credentials, as nothing vouches for them. */
function assertPinned(regCred: RegCred, fingerprint: string, dialect: SessionDialect): void {
  const { name, key } = provenKey(regCred, dialect);
  if (keyFingerprint(key) === fingerprint) return;
  const other = provenKey(regCred, dialect === 'sealed' ? 'prefixed' : 'sealed');
  const ask = `ask its operator for the ${name} that xlreg regcred prints`;
  if (keyFingerprint(other.key) !== fingerprint) {
    throw new RegistryUntrusted(`the ${name}'s fingerprint is not the one of --fingerprint: ${ask}`, {
      code: 'FINGERPRINT_MISMATCH',
    });
  }
  throw new RegistryUntrusted(
    `--fingerprint is that of the ${other.name}, and the dialect ${dialect} proves the ${name}: ${ask}`,
    { code: 'FINGERPRINT_MISMATCH' },
  );
}

/** The options of connect(). Throws UsageError if the flags give no usable end point. */
export function connectOptions(flags: ClientFlags, regCred: RegCred, signal: AbortSignal): ConnectOptions {
  const { transport, dialect, timeoutMs } = flags;
  const url = urlOf(flags.registry);
  if (transport === 'ws' && flags.connect === undefined && url === undefined) {
    throw new UsageError('--transport ws needs --connect ws://HOST:PORT/xlreg, or a URL as --registry');
  }
  const ofUrl = url && `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}${WEBSOCKET_PATH}`;
  const connect = flags.connect ?? (transport === 'ws' ? ofUrl : undefined);
  const options = { transport, connect, dialect, timeoutMs, signal, onSkipped };
  try {
    targetsOf(regCred, options);
  } catch (error) {
    throw new UsageError(`--connect: ${(error as Error).message}`);
  }
  return options;
}

/** Reports a skipped server at once, so that a dead or foreign one does not stay unnoticed. */
function onSkipped(address: string, why: Error): void {
  process.stderr.write(`xlreg: skipped ${address}: ${why.message}\n`);
}

function urlOf(registry: string): URL | undefined {
  if (!/^https?:\/\//.test(registry)) return undefined;
  if (!URL.canParse(registry)) throw new UsageError('--registry should be a file or http://HOST:PORT/regCred.dat');
  const url = new URL(registry);
  if (url.pathname === '/') url.pathname = REG_CRED_PATH;
  return url;
}

async function readRegCred(path: string): Promise<RegCred> {
  let text: string;
  try {
    // `end` is inclusive, so this reads one byte more than allowed.
    text = await readBounded(createReadStream(path, { end: REG_CRED_BYTES_MAX }));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const Kind = code === 'ENOENT' ? RegistryFileMissing : UsageError;
    throw new Kind(`--registry: ${path} cannot be read: ${code ?? message}`);
  }
  if (text === '') throw new RegistryFileMissing(`--registry: ${path} is empty`);
  return parse(text, path, UsageError);
}

function parse(text: string, source: string, Fault: new (message: string) => Error): RegCred {
  try {
    return parseRegCred(text);
  } catch (error) {
    throw new Fault(`${source} holds no credentials: ${(error as Error).message}`);
  }
}

/** Fetches text, 64 KiB at most. Rejects with RegistryUnreachable, or with the signal's reason. */
export async function fetchText(url: URL, signal: AbortSignal, timeoutMs = FETCH_TIMEOUT_MS): Promise<string> {
  try {
    return await withDeadline({ timeoutMs, signal, missed: 'no answer' }, async (deadline) => {
      const response = await fetch(url, { signal: deadline });
      if (!response.ok) throw new Error(`status ${response.status}`);
      return await readBounded(response.body ?? []);
    });
  } catch (error) {
    signal.throwIfAborted();
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? whyUnreachable(cause) : message;
    throw new RegistryUnreachable(`${url.href}: ${why}`, { cause: error });
  }
}

/** Rejects at more bytes than credentials can have (C5). */
async function readBounded(source: AsyncIterable<Uint8Array> | readonly Uint8Array[]): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > REG_CRED_BYTES_MAX) throw new Error(`more than ${REG_CRED_BYTES_MAX} bytes`);
  }
  return Buffer.concat(pieces).toString('latin1');
}
