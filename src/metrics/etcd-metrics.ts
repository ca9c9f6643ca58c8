// What passes between the registry and etcd, where the table is there. Counted in the coordinator's thread.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const REQUEST_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

const METHODS = ['range', 'txn', 'lease-grant', 'authenticate', 'status'];

/** What the store on etcd tells. */
export interface EtcdMetrics {
  requested(method: string, seconds: number, answered: boolean): void;
  caughtUp(seconds: number, behind: number): void;
  readAgain(): void;
}

/** Registers them and returns what the store tells them. */
export function etcdMetrics(registry: Registry): EtcdMetrics {
  const registers = [registry];
  const requests = new Histogram({
    name: 'xlreg_store_request_seconds',
    help: 'Time of a request to etcd until it was answered, by method.',
    labelNames: ['method'],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'xlreg_store_request_failures_total',
    help: 'Requests to etcd that were refused or not answered in time, and made again if there was time, by method.',
    labelNames: ['method'],
    registers,
  });
  // There from the beginning, so that the first failure is an increase.
  for (const method of METHODS) {
    requests.zero({ method });
    failures.inc({ method }, 0);
  }
  const catchUp = new Histogram({
    name: 'xlreg_store_catch_up_seconds',
    help: 'Time before each batch to ask etcd for the last change and to wait until the watch has brought it.',
    buckets: REQUEST_SECONDS,
    registers,
  });
  const behind = new Gauge({
    name: 'xlreg_store_behind_revisions',
    help: 'Revisions that the watch had to go at the last catching up.',
    registers,
  });
  const again = new Counter({
    name: 'xlreg_store_read_again_total',
    help: 'Times that the whole table was read again, because the watch could not go on or etcd was another than it was.',
    registers,
  });
  return {
    requested(method, seconds, answered) {
      if (answered) requests.observe({ method }, seconds);
      else failures.inc({ method });
    },
    caughtUp(seconds, revisions) {
      catchUp.observe(seconds);
      behind.set(revisions);
    },
    readAgain: () => again.inc(),
  };
}
