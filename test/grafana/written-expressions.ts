// Reads the PromQL expressions from the generated files of grafana/.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const GRAFANA = fileURLToPath(new URL('../../grafana/', import.meta.url));

/** An expression and its location. */
export interface Written {
  readonly at: string;
  readonly expr: string;
}

interface PanelJson {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** The expressions of all panels of all dashboards. */
export function panelExpressions(): Written[] {
  return readdirSync(`${GRAFANA}dashboards`).flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(`${GRAFANA}dashboards/${file}`, 'utf8')) as { panels: PanelJson[] };
    return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ at: `${file}: ${title}`, expr })));
  });
}

/** The expressions of all alerts. */
export function alertExpressions(): Written[] {
  const rules = readFileSync(`${GRAFANA}alert-rules.yml`, 'utf8');
  return [...rules.matchAll(/- alert: (\S+)\n\s+expr: (.+)/g)].map(([, at, expr]) => ({
    at: at!,
    expr: expr!.startsWith('"') ? (JSON.parse(expr!) as string) : expr!,
  }));
}

/** The metrics in an expression; histograms without the suffixes of their series. */
export function metricsIn(expr: string): string[] {
  const bare = expr.replace(/"[^"]*"/g, '""');
  return [...bare.matchAll(/\b(?:xlreg|process)_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
}
