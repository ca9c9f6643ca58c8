// A TLS certificate and its key. Their files may be replaced while the server runs.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ListenError } from './connection.ts';

/** Paths of PEM files. The certificate's file includes its chain. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** The contents of the two files. */
export interface CertificatePair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export class Certificate {
  #files: CertificateFiles;
  #pair: CertificatePair;
  #expiry: Date;
  #use: (pair: CertificatePair) => void = () => {};

  private constructor(files: CertificateFiles, pair: CertificatePair) {
    this.#files = files;
    this.#pair = pair;
    this.#expiry = expiryOf(pair);
  }

  /** Rejects with ListenError if the files cannot be used. */
  static async open(files: CertificateFiles): Promise<Certificate> {
    return new Certificate(files, await readPair(files));
  }

  /** The files as last read. */
  get pair(): CertificatePair {
    return this.#pair;
  }

  /** End of validity of the first certificate of the file. */
  get expiry(): Date {
    return this.#expiry;
  }

  /** Calls `use` with each pair that `reload` reads. */
  onReload(use: (pair: CertificatePair) => void): void {
    this.#use = use;
  }

  /**
   * Reads the files again, or others. New connections get the new certificate, open ones keep theirs. Rejects with
   * ListenError if the files cannot be used, and keeps the old certificate.
   */
  async reload(files = this.#files): Promise<void> {
    this.#pair = await readPair(files);
    this.#files = files;
    this.#expiry = expiryOf(this.#pair);
    this.#use(this.#pair);
  }
}

function expiryOf({ cert }: CertificatePair): Date {
  return new Date(new X509Certificate(cert).validTo);
}

/** Reads both files and checks that they fit together. An error names files and reason, and never quotes a file. */
async function readPair(files: CertificateFiles): Promise<CertificatePair> {
  try {
    const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (error) {
    throw new ListenError(`cannot use certificate ${files.cert} with key ${files.key}: ${(error as Error).message}`);
  }
}
