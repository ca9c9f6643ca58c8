// GET /metrics. Scrapes that come while one is under way, which waits for the probe of the pool, get its page: any number of
// them costs what one does.
import type { Registry } from 'prom-client';
import type { HttpReply } from '../net/web-site.ts';

/** The pages that are being made, by the registry they are of. */
const underWay = new WeakMap<Registry, Promise<HttpReply>>();

/** The page, in the text format of Prometheus. */
export function metricsPage(registry: Registry): Promise<HttpReply> {
  let page = underWay.get(registry);
  if (page === undefined) {
    page = makePage(registry).finally(() => underWay.delete(registry));
    underWay.set(registry, page);
  }
  return page;
}

async function makePage(registry: Registry): Promise<HttpReply> {
  return { status: 200, type: registry.contentType, body: await registry.metrics() };
}
