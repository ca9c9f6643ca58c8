// Tells a registry that came back with other keys from one that is away. A silent close at the Hello decides nothing, so
// this looks at the credentials that the web port publishes. They are evidence only, and never trusted.

import type { SessionDialect } from '../wire/hello.ts';
import { parseRegCred, type RegCred } from '../wire/reg-cred.ts';
import { keyFingerprint } from '../wire/rsa-key.ts';
import type { ConnectOptions } from './connect.ts';
import { fetchText, provenKey } from './credentials-source.ts';
import { HelloRefused, RegistryUnreachable, RegistryUntrusted, TURNED_AWAY } from './errors.ts';
import { registryIdOf } from './statements.ts';
import { type Target, targetsOf } from './target.ts';

/** The default ports of `xlreg serve`. */
const TCP_PORT = 56_789;
const WEB_PORT = 56_790;
/** Limit of fetching credentials from web ports, which happens in parallel. */
const FETCH_TIMEOUT_MS = 2_000;
const FETCHES_MAX = 4;

/**
 * Explains a refused Hello. Returns RegistryUntrusted with the code REGISTRY_CHANGED if a web port shows another
 * registry ID or key than `regCred`, RegistryUnreachable if it shows the same. Returns the error itself if none answers,
 * and any other error as it is. Asks the web port of `connect` addresses that are WebSocket URLs, and of TCP end points
 * with the default port.
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
  const id = registryIdOf(found);
  if (id !== registryIdOf(expected)) {
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
