// The TLS certificates of the listeners, and their reload at SIGHUP.
import { X509Certificate } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { Certificate } from '../net/certificate.ts';

/** Undefined for a listener without TLS. */
export interface Certificates {
  readonly ws: Certificate | undefined;
  readonly admin: Certificate | undefined;
}

/** Rejects with ListenError if a file cannot be used. */
export async function openCertificates({ wsTls, adminTls }: Config): Promise<Certificates> {
  return { ws: wsTls && (await Certificate.open(wsTls)), admin: adminTls && (await Certificate.open(adminTls)) };
}

/** Returns a function that reloads all certificates. It logs an unusable one and keeps the old one. */
export function reloaderOf(certificates: Certificates, log: Logger): () => Promise<void> {
  const present = Object.entries(certificates).filter(([, certificate]) => certificate !== undefined);
  return async () => {
    if (present.length === 0) log.info('SIGHUP: no listener has a certificate to reload');
    for (const [listener, certificate] of present as [string, Certificate][]) {
      await certificate.reload().then(
        () => {
          const { validTo } = new X509Certificate(certificate.pair.cert);
          log.info({ listener, validTo }, 'the certificate is renewed');
        },
        (error: Error) => log.error({ listener, reason: error.message }, 'the certificate is not renewed'),
      );
    }
  };
}
