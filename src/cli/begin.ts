// Opens sessions for client commands: tries the end points in turn, and explains a refused Hello.
import { HelloRefused, TURNED_AWAY } from '../client/errors.ts';
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
  type SessionDialect,
} from '../client/index.ts';
import { type Target, targetsOf } from '../client/target.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import { fetchText, provenKey } from './registry-source.ts';

/** The default ports of `xlreg serve`. */
const TCP_PORT = 56_789;
const WEB_PORT = 56_790;
/** Limit of fetching credentials from web ports, which happens in parallel. */
const FETCH_TIMEOUT_MS = 2_000;
const FETCHES_MAX = 4;

/** beginSession(), with an explained error if the Hello is refused. */
export function begin<T>(
  regCred: RegCred,
  options: ConnectOptions,
  work: (session: RegistrySession) => Promise<T>,
): Promise<BegunSession<T>> {
  return beginSession(regCred, options, work).catch(async (error: unknown) => {
    throw await explained(error, regCred, options);
  });
}

/** connect(), with an explained error if the Hello is refused. */
export function connectExplained(regCred: RegCred, options: ConnectOptions): Promise<RegistrySession> {
  return connect(regCred, options).catch(async (error: unknown) => {
    throw await explained(error, regCred, options);
  });
}

/**
 * Explains a refused Hello. Returns RegistryUntrusted if a web port shows another registry ID or key than `regCred`, RegistryUnreachable if it shows the same. Returns the error itself if none answers, and any other error as
 * it is. Plain HTTP gives a hint only; its keys are never trusted.
 */
export async function explained(error: unknown, regCred: RegCred, options: ConnectOptions): Promise<unknown> {
  if (!(error instanceof RegistryUnreachable) || !wasRefused(error)) return error;
  const urls = targetsOf(regCred, options).flatMap(webUrl).slice(0, FETCHES_MAX);
  const signal = options.signal ?? new AbortController().signal;
  const found = await Promise.all(
    urls.map(async (url) => {
      const text = await fetchText(url, signal, FETCH_TIMEOUT_MS).catch(() => '');
      return differenceFrom(regCred, text, url.href, options.dialect ?? 'sealed');
    }),
  );
  const other = found.find((difference) => difference?.differs);
  if (other)
    return new RegistryUntrusted(`${error.message}; ${other.text}`, { code: 'REGISTRY_CHANGED', cause: error });
  const same = found.find((difference) => difference !== undefined);
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

function differenceFrom(expected: RegCred, text: string, url: string, dialect: SessionDialect): Difference | undefined {
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
  const { name, key } = provenKey(found, dialect);
  const fingerprint = keyFingerprint(key);
  if (fingerprint !== keyFingerprint(provenKey(expected, dialect).key)) {
    // Nothing vouches for that page. A fingerprint in the message would invite to pin it.
    const which = dialect === 'sealed' ? name : `${name}, ${fingerprint}`;
    return { differs: true, text: `${url} has another ${which}: these credentials are out of date` };
  }
  const old = dialect === 'sealed' ? 'it does not know sealed, or ' : '';
  return { differs: false, text: `${url} has the same ${name}, so ${old}${TURNED_AWAY}; xlreg limits there names it` };
}
