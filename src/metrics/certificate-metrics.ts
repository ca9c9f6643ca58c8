// Metrics of the listeners' TLS certificates.
import type { Registry } from 'prom-client';
import { ScrapedMetrics } from './scraped-metrics.ts';

/** A listener with a certificate. */
export interface CertifiedListener {
  readonly listener: 'ws' | 'admin';
  /** End of its certificate's validity, in seconds since 1970. */
  expirySeconds(): number;
}

/** Registers the metric. A listener without TLS has no value. */
export function certificateMetrics(registry: Registry, listeners: readonly CertifiedListener[]): void {
  new ScrapedMetrics(registry).gauges(
    'xlreg_certificate_expiry_timestamp_seconds',
    'End of validity of the certificate in use by a listener, in seconds since 1970.',
    ['listener'],
    () => listeners.map(({ listener, expirySeconds }) => [{ listener }, expirySeconds()] as const),
  );
}
