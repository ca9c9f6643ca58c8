// The TLS certificates of the listeners, and their reload.
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { certificateMetrics } from '../metrics/certificate-metrics.ts';
import { Certificate } from '../net/certificate.ts';
import type { ReloadablePart } from './reload.ts';

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

/** The certificates as parts of a reload. A listener cannot begin or cease to serve TLS while it is open. */
export function reloadableCertificates({ ws, admin }: Certificates, log: Logger): ReloadablePart[] {
  return [
    ...(ws ? [reloadable('ws-tls', 'wsTls', ws, log)] : []),
    ...(admin ? [reloadable('admin-tls', 'adminTls', admin, log)] : []),
  ];
}

function reloadable(setting: string, key: 'wsTls' | 'adminTls', certificate: Certificate, log: Logger): ReloadablePart {
  return {
    name: setting,
    settings: (next) => (next[key] ? [setting] : []),
    async reload(next) {
      await certificate.reload(next[key]);
      log.info({ setting, validTo: certificate.expiry }, 'the certificate is renewed');
    },
  };
}

function presentOf(certificates: Certificates): ['ws' | 'admin', Certificate][] {
  return (['ws', 'admin'] as const).flatMap((listener) => {
    const certificate = certificates[listener];
    return certificate === undefined ? [] : [[listener, certificate] as ['ws' | 'admin', Certificate]];
  });
}
