// Fetches a registry's credentials from its web port.
import type { SessionDialect } from '../wire/hello.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { assertPinned, pinOf, readCredentials, urlOfSource } from './credentials-source.ts';

/** Options of fetchRegCred(). */
export interface FetchRegCredOptions {
  /**
   * Fingerprint of the registry's key, as `xlreg regcred` prints it: `SHA256:` and base64, or 64 hex digits. Over `http:`
   * nothing else shows that the credentials are the registry's. TypeError for any other text.
   */
  readonly fingerprint?: string | undefined;
  /** The dialect of the later sessions, which selects the key that is pinned; default `sealed`. */
  readonly dialect?: SessionDialect | undefined;
  /** Ends the attempt. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches credentials from `http://HOST:PORT/regCred.dat` or its https form within 10 s; the path may be left out. Rejects
 * with RegistryUnreachable, whose code is CREDENTIALS_URL_WRONG for a status such as 404; with RegistryUntrusted if the
 * text is none or has another key than the pinned one; with TypeError for a URL of another kind.
 *
 * @example
 * ```ts
 * // `xlreg regcred` prints the fingerprint on the server; url is such as http://registry.example:56790.
 * const pinned = keyFingerprint(regCred.sigKey);
 * const fetched = await fetchRegCred(url, { fingerprint: pinned });
 * console.log(fetched.name);
 * ```
 */
export async function fetchRegCred(url: string | URL, options: FetchRegCredOptions = {}): Promise<RegCred> {
  const { dialect = 'sealed', signal = new AbortController().signal } = options;
  const source = urlOfSource(url);
  if (source === undefined) throw new TypeError('the URL of credentials should be http://HOST:PORT/regCred.dat');
  const fingerprint = pinOf(options.fingerprint, 'a fingerprint');
  const regCred = await readCredentials(source, signal);
  if (fingerprint !== undefined) assertPinned(regCred, fingerprint, dialect, 'the fingerprint');
  return regCred;
}
