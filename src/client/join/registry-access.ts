// The credentials of a registry and the addresses to try, read anew for each session: a registry that moves is found if
// its credentials are published again. Invariant: the first credentials decide about ID and sig key. Others that are
// read later are never trusted; they only explain why the registry of the first ones does not answer.
import type { SessionDialect } from '../../wire/hello.ts';
import { printRegCred, type RegCred, RegCredError } from '../../wire/reg-cred.ts';
import { keyFingerprint } from '../../wire/rsa-key.ts';
import { explained } from '../changed-registry.ts';
import type { ConnectOptions } from '../connect.ts';
import {
  assertPinned,
  type CredentialsSource,
  pinOf,
  readCredentials,
  urlOfSource,
  webSocketOf,
} from '../credentials-source.ts';
import { RegistryUnreachable, RegistryUntrusted, XlRegError } from '../errors.ts';
import { targetsOf } from '../target.ts';

/** A registry and the way to it. */
export interface RegistryOptions extends Omit<ConnectOptions, 'signal' | 'first'> {
  /**
   * The registry's credentials: the path of a regCred.dat, an http(s) URL of one, its text, or parsed. A file or URL may
   * come later than this call, and is read again before each session.
   */
  readonly registry: CredentialsSource;
  /**
   * Fingerprint that pins the registry, as `xlreg regcred` prints it: of its sig key in `sealed`, of its comms key in the
   * RSA dialects. Without it a file or text is trusted as it is, and so is the first answer of a URL.
   */
  readonly fingerprint?: string | undefined;
}

export class RegistryAccess {
  readonly #source: CredentialsSource;
  readonly #fingerprint: string | undefined;
  readonly #dialect: SessionDialect;
  readonly #options: Omit<ConnectOptions, 'signal' | 'first'>;
  #known: RegCred | undefined;
  /** The reason that the credentials read last are not those of the known registry. */
  #changed: XlRegError | undefined;

  /** Throws TypeError for a fingerprint or URL that is none. Warns of a URL that anybody on the path can forge. */
  constructor({ registry, fingerprint, ...options }: RegistryOptions) {
    this.#source = registry;
    this.#dialect = options.dialect ?? 'sealed';
    this.#fingerprint = pinOf(fingerprint, 'fingerprint');
    const url = urlOfSource(registry);
    if (url?.protocol === 'http:' && fingerprint === undefined) {
      process.emitWarning(`${url.href} without a fingerprint: anyone on the network path can impersonate the registry`);
    }
    const isWeb = options.transport === 'ws' && options.connect === undefined && url !== undefined;
    this.#options = isWeb ? { ...options, connect: webSocketOf(url) } : options;
  }

  /** Rejects as readCredentials() does, and with RegistryUntrusted, as long as no credentials are known. */
  async credentials(signal: AbortSignal): Promise<RegCred> {
    try {
      const found = await readCredentials(this.#source, signal);
      if (this.#fingerprint !== undefined) assertPinned(found, this.#fingerprint, this.#dialect, 'fingerprint');
      this.#changed = this.#known && differenceOf(this.#known, found);
      // The library remembers by the object which end point worked.
      const isSame = this.#known && printRegCred(this.#known) === printRegCred(found);
      if (!this.#changed && !isSame) this.#known = found;
    } catch (error) {
      if (!this.#known || !(error instanceof XlRegError)) throw error;
      if (error instanceof RegistryUntrusted || error instanceof RegCredError) this.#changed = error;
    }
    return this.#known!;
  }

  /** Throws TypeError if neither credentials nor options name an address. */
  connectOptions(regCred: RegCred, signal: AbortSignal, first: string | undefined): ConnectOptions {
    const options = { ...this.#options, signal, first };
    targetsOf(regCred, options);
    return options;
  }

  /** Explains a failed session: REGISTRY_CHANGED if there is evidence for it, else the error itself. */
  async explain(error: unknown, regCred: RegCred, signal: AbortSignal): Promise<unknown> {
    if (!(error instanceof RegistryUnreachable) || signal.aborted) return error;
    if (!this.#changed) return await explained(error, regCred, { ...this.#options, signal });
    const why = `${error.message}; ${this.#changed.message}`;
    return new RegistryUntrusted(why, { code: 'REGISTRY_CHANGED', cause: error });
  }
}

function differenceOf(known: RegCred, found: RegCred): XlRegError | undefined {
  const isSame =
    Buffer.compare(known.id, found.id) === 0 && keyFingerprint(known.sigKey) === keyFingerprint(found.sigKey);
  if (isSame) return undefined;
  return new RegistryUntrusted('the credentials are of a registry with another ID or sig key now', {
    code: 'REGISTRY_CHANGED',
  });
}
