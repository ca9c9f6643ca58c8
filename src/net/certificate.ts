// A TLS certificate and its key, read from files that may be replaced while the registry runs.
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ListenError } from './connection.ts';

/** Where they are, in PEM; the certificate's file holds its chain, too. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** What a TLS server is given. */
export interface CertificatePair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export class Certificate {
  readonly #files: CertificateFiles;
  #pair: CertificatePair;
  #use: (pair: CertificatePair) => void = () => {};

  private constructor(files: CertificateFiles, pair: CertificatePair) {
    this.#files = files;
    this.#pair = pair;
  }

  /** Rejects with ListenError if the files cannot be used. */
  static async open(files: CertificateFiles): Promise<Certificate> {
    return new Certificate(files, await readPair(files));
  }

  /** As last read. */
  get pair(): CertificatePair {
    return this.#pair;
  }

  /** Calls `use` with each pair that is read from now on. */
  onReload(use: (pair: CertificatePair) => void): void {
    this.#use = use;
  }

  /**
   * Reads the files again: connections to come get the new certificate, those there are keep theirs. Rejects with
   * ListenError if the files cannot be used; the old certificate then stays.
   */
  async reload(): Promise<void> {
    this.#pair = await readPair(this.#files);
    this.#use(this.#pair);
  }
}

/** The two files, which fit together. What is wrong is said by file and reason, never with what is in them. */
async function readPair(files: CertificateFiles): Promise<CertificatePair> {
  try {
    const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (error) {
    throw new ListenError(`cannot use certificate ${files.cert} with key ${files.key}: ${(error as Error).message}`);
  }
}
