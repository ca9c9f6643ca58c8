// GET /metrics: what this thread counts and what the coordinator does, merged.
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';
import type { HttpReply } from '../net/web-site.ts';

type Metrics = MetricObjectWithValues<MetricValue<string>>[];

/** The page, in the text format of Prometheus. */
export async function metricsPage(own: Registry, others: () => Promise<Metrics>): Promise<HttpReply> {
  const [ownMetrics, otherMetrics] = await Promise.all([own.getMetricsAsJSON(), others()]);
  const merged = AggregatorRegistry.aggregate([ownMetrics, otherMetrics]);
  return { status: 200, type: own.contentType, body: await merged.metrics() };
}
