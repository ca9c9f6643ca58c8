// The TLS certificates of the listeners, and their reload at SIGHUP.
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { certificateMetrics } from '../metrics/certificate-metrics.ts';
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

/** Registers the metric of the certificates' expiry. */
export function observeCertificates(certificates: Certificates, metrics: Registry): void {
  certificateMetrics(
    metrics,
    presentOf(certificates).map(([listener, certificate]) => ({
      listener,
      expirySeconds: () => certificate.expiry.getTime() / 1000,
    })),
  );
}

/**
 * Returns a function that reloads all certificates. It logs an unusable one and keeps the old one. `reloaded` gets the
 * result.
 */
export function reloaderOf(
  certificates: Certificates,
  log: Logger,
  reloaded: (result: 'success' | 'failure') => void,
): () => Promise<void> {
  const present = presentOf(certificates);
  return async () => {
    if (present.length === 0) log.info('SIGHUP: no listener has a certificate to reload');
    let result: 'success' | 'failure' = 'success';
    for (const [listener, certificate] of present) {
      await certificate.reload().then(
        () => log.info({ listener, validTo: certificate.expiry }, 'the certificate is renewed'),
        (error: Error) => {
          result = 'failure';
          log.error({ listener, reason: error.message }, 'the certificate is not renewed');
        },
      );
    }
    reloaded(result);
  };
}

function presentOf(certificates: Certificates): ['ws' | 'admin', Certificate][] {
  return (['ws', 'admin'] as const).flatMap((listener) => {
    const certificate = certificates[listener];
    return certificate === undefined ? [] : [[listener, certificate] as ['ws' | 'admin', Certificate]];
  });
}
