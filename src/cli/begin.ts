// How client commands get a session: the end points in turn, and where a Hello is turned away, why that is.
import { HelloRefused } from '../client/errors.ts';
import {
  type BegunSession,
  beginSession,
  type ConnectOptions,
  connect,
  parseRegCred,
  type RegCred,
  type RegistrySession,
  RegistryUnreachable,
  RegistryUntrusted,
} from '../client/index.ts';
import { type Target, targetsOf } from '../client/target.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import { fetchText } from './registry-source.ts';

/** What `xlreg serve` listens on by default. */
const TCP_PORT = 56_789;
const WEB_PORT = 56_790;
/** Looks at web ports are made at once, so that together they take this long at most. */
const LOOK_TIMEOUT_MS = 2_000;
const LOOKS_MAX = 4;

/** beginSession(), with the cause of a Hello that was turned away where it can be found out. */
export function begin<T>(
  regCred: RegCred,
  options: ConnectOptions,
  work: (session: RegistrySession) => Promise<T>,
): Promise<BegunSession<T>> {
  return beginSession(regCred, options, work).catch(async (error: unknown) => {
    throw await explained(error, regCred, options);
  });
}

/** connect(), likewise. */
export function connectExplained(regCred: RegCred, options: ConnectOptions): Promise<RegistrySession> {
  return connect(regCred, options).catch(async (error: unknown) => {
    throw await explained(error, regCred, options);
  });
}

/**
 * The error with the cause of a refused Hello: RegistryUntrusted if the web port there has other keys than these
 * credentials, RegistryUnreachable if it has the same. What plain HTTP says is a hint: it makes nobody trusted.
 */
export async function explained(error: unknown, regCred: RegCred, options: ConnectOptions): Promise<unknown> {
  if (!(error instanceof RegistryUnreachable) || !wasRefused(error)) return error;
  const urls = targetsOf(regCred, options).flatMap(webUrl).slice(0, LOOKS_MAX);
  const signal = options.signal ?? new AbortController().signal;
  const found = await Promise.all(
    urls.map(async (url) => {
      const text = await fetchText(url, signal, LOOK_TIMEOUT_MS).catch(() => '');
      return differenceFrom(regCred, text, url.href);
    }),
  );
  const other = found.find((one) => one?.differs);
  if (other) return new RegistryUntrusted(`${error.message}; ${other.text}`, { cause: error });
  const same = found.find((one) => one !== undefined);
  return same ? new RegistryUnreachable(`${error.message}; ${same.text}`, { cause: error.cause }) : error;
}

function wasRefused(error: Error): boolean {
  const { cause } = error;
  if (error instanceof HelloRefused) return true;
  if (cause instanceof AggregateError) return cause.errors.some((error) => error instanceof HelloRefused);
  return cause instanceof HelloRefused;
}

function webUrl(target: Target): URL[] {
  if (target.transport === 'ws') {
    const url = new URL('/regCred.dat', target.url);
    url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:';
    return [url];
  }
  const { host, port } = target;
  if (port !== TCP_PORT) return [];
  return [new URL(`http://${host.includes(':') ? `[${host}]` : host}:${WEB_PORT}/regCred.dat`)];
}

interface Difference {
  readonly differs: boolean;
  readonly text: string;
}

function differenceFrom(expected: RegCred, text: string, url: string): Difference | undefined {
  let found: RegCred;
  try {
    found = parseRegCred(text);
  } catch {
    return undefined;
  }
  const id = Buffer.from(found.id).toString('hex');
  if (id !== Buffer.from(expected.id).toString('hex')) {
    return { differs: true, text: `${url} is of another registry, ID ${id}` };
  }
  const fingerprint = keyFingerprint(found.commsKey);
  if (fingerprint !== keyFingerprint(expected.commsKey)) {
    return { differs: true, text: `${url} has another comms key, ${fingerprint}: these credentials are out of date` };
  }
  return { differs: false, text: `${url} has the same comms key, so the registry has more Hellos than it lets in` };
}
