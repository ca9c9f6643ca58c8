// The TLS certificates of the listeners, and their reload.
import { X509Certificate } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
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
      const { validTo } = new X509Certificate(certificate.pair.cert);
      log.info({ setting, validTo }, 'the certificate is renewed');
    },
  };
}
