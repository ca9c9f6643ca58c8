// Reads Prometheus' text format.

/** One line of a page. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All samples of a page. */
export function samplesOf(page: string): Sample[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line)!;
      const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]);
      return { name: name!, labels: Object.fromEntries(pairs), value: Number(value!.replace('Inf', 'Infinity')) };
    });
}

/** The names of a page's metrics; a histogram's without the suffixes of its series. */
export function familiesOf(page: string): string[] {
  return [...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!);
}
