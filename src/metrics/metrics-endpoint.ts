// GET /metrics: what this thread counts and what the coordinator does, merged. Scrapes that come while one is under way get
// its page, so that any number of them costs what one does; none takes longer than the coordinator and the probe of the pool
// are waited for.
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';
import type { HttpReply } from '../net/web-site.ts';

type Metrics = MetricObjectWithValues<MetricValue<string>>[];

/** The pages that are being made, by the registry they are of. */
const underWay = new WeakMap<Registry, Promise<HttpReply>>();

/** The page, in the text format of Prometheus. */
export function metricsPage(own: Registry, others: () => Promise<Metrics>): Promise<HttpReply> {
  let page = underWay.get(own);
  if (page === undefined) {
    page = makePage(own, others).finally(() => underWay.delete(own));
    underWay.set(own, page);
  }
  return page;
}

async function makePage(own: Registry, others: () => Promise<Metrics>): Promise<HttpReply> {
  const [ownMetrics, otherMetrics] = await Promise.all([own.getMetricsAsJSON(), others()]);
  const merged = AggregatorRegistry.aggregate([ownMetrics, otherMetrics]);
  return { status: 200, type: own.contentType, body: await merged.metrics() };
}
