// Prints the study for people: Markdown tables, readable on a terminal too, and a curve.
import { drawPlot } from '../report/plot.ts';
import { printNumber } from '../report/report.ts';
import { limitsOf } from './limits.ts';
import { type Measured, PARAMETERS, PROCESS_SOURCE } from './parameters.ts';
import { processTables } from './process-page.ts';
import { ETCD_NODES, fleetFor, SHARES, type StudyRow, sizeOf, type Validation } from './study.ts';

const CLUSTERS = [10_000, 100_000, 1_000_000];
const RATES = [1_000, 10_000, 100_000];
const PARTS = { cores: 'cores', mainThreads: 'main threads', coordinators: 'coordinators', etcd: 'etcd' } as const;

/** The results of a study. */
export interface Study {
  readonly rows: readonly StudyRow[];
  readonly validations: readonly Validation[];
}

/** Prints the tables of docs/explanation/capacity.md, in order. */
export function printStudy({ rows, validations }: Study): string {
  const { ceilings, costs } = processTables();
  return [
    heading('One process, sessions/s at which it is full'),
    table(ceilings.head, ceilings.rows),
    heading('CPU time of a session by thread, µs'),
    table(costs.head, costs.rows),
    `From ${PROCESS_SOURCE}.\n`,
    heading('One server, as measured and as simulated'),
    table(['', 'measured', 'simulated', 'difference'], validations.map(printValidation)),
    heading('One registry on one etcd'),
    table(
      [
        'members',
        'servers',
        'first limit',
        'sessions/s',
        ...SHARES.map((share) => `p50, p99 ms at ${share * 100} %`),
        'etcd busy',
      ],
      rows.map(printRow),
    ),
    heading('Each part by itself, sessions/s'),
    table(['members', 'servers', ...Object.values(PARTS)], rows.map(printLimits)),
    heading('Clusters of 8'),
    table(['clusters', 'members', 'in etcd', 'memory of a server', 'registries'], CLUSTERS.map(printSize)),
    heading('Sessions a second'),
    table(
      ['members', 'sessions/s', 'registries', 'servers of each', 'machines, with etcd'],
      (['new', 'returning'] as const).flatMap((members) =>
        RATES.map((rate) => {
          const { registries, serversEach } = fleetFor(rate, members, rows);
          const machines = registries * (serversEach + ETCD_NODES);
          return [members, ...[rate, registries, serversEach, machines].map(printNumber)];
        }),
      ),
    ),
    heading('What it was calculated from'),
    table(
      ['parameter', 'value', 'from'],
      Object.entries<Measured>(PARAMETERS).map(([name, { value, source }]) => [
        `\`${name}\``,
        printNumber(value),
        source,
      ]),
    ),
  ].join('\n');
}

/** Draws the highest rate over the number of servers as a standalone SVG image. */
export function drawStudy(rows: readonly StudyRow[]): string {
  const series = (['new', 'returning'] as const).map((members) => ({
    label: members,
    points: rows
      .filter((row) => row.members === members)
      .map(({ servers, highest }) => [servers, highest.throughput] as const),
  }));
  const [first, second] = series;
  const figure = drawPlot({ title: 'Sessions a second', xLabel: 'servers', yLabel: 'sessions/s', series });
  const svg = /<svg[\s\S]*<\/svg>/.exec(figure)![0];
  const legend = `<text x="76" y="24" class="a">${second!.label} members</text><text x="76" y="40" class="b">${first!.label} members</text>`;
  return `${svg.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ').replace(/>/, `>${STYLE}${legend}`)}\n`;
}

const STYLE = `<style>
svg { background: #fff; font: 12px sans-serif } text { fill: #444 } .end { text-anchor: end } .middle { text-anchor: middle }
.grid { stroke: #ddd } polyline { fill: none; stroke-width: 2 } .s0 polyline, .s0 circle { stroke: #b33 } .s0 circle, .b { fill: #b33 }
.s1 polyline, .s1 circle { stroke: #07a } .s1 circle, .a { fill: #07a }
</style>`;

function printValidation({ what, measured, simulated }: Validation): string[] {
  const difference = (simulated / measured - 1) * 100;
  const sign = difference > 0 ? '+' : '−';
  return [what, printNumber(measured), printNumber(simulated), `${sign}${Math.abs(difference).toFixed(0)} %`];
}

function printRow({ servers, members, limit, highest, at }: StudyRow): string[] {
  const latencies = at.map(({ p50, p99 }) => `${printNumber(p50)}, ${printNumber(p99)}`);
  const first = `${PARTS[limit.part]}: ${printNumber(limit.rate)}`;
  const busy = `${(highest.etcd * 100).toFixed(0)} %`;
  return [members, String(servers), first, printNumber(highest.throughput), ...latencies, busy];
}

function printLimits({ servers, members }: StudyRow): string[] {
  const limits = limitsOf(servers, members, 'etcd');
  const rates = Object.keys(PARTS).map((part) => limits[part as keyof typeof PARTS]);
  return [members, String(servers), ...rates.map((rate) => (rate === Infinity ? '–' : printNumber(rate)))];
}

function printSize(clusters: number): string[] {
  const { members, etcdBytes, memoryBytes, registries } = sizeOf(clusters);
  const gib = (bytes: number) => `${printNumber(bytes / 2 ** 30)} GiB`;
  return [printNumber(clusters), printNumber(members), gib(etcdBytes), gib(memoryBytes), String(registries)];
}

function heading(text: string): string {
  return `### ${text}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}
