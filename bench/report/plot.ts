// Draws curves as SVG. The style sheet of the page sets their colours, for dark and light.
import { escapeHtml } from './escape-html.ts';
import { type Plot, printNumber } from './report.ts';

const WIDTH = 640;
const HEIGHT = 260;
const MARGIN = { left: 64, right: 16, top: 14, bottom: 44 };
const TICKS = 4;
/** The x axis is logarithmic if the largest x is at least this many times the smallest. */
const LOG_RATIO = 20;

/** Draws a figure with its caption and, for several curves, a legend. */
export function drawPlot({ title, xLabel, yLabel, series }: Plot): string {
  const points = series.flatMap((one) => one.points);
  const xs = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  const yMax = roundUp(Math.max(...points.map(([, y]) => y), 0));
  const scaleX = xScale(xs);
  const scaleY = (y: number) => HEIGHT - MARGIN.bottom - (y / yMax) * (HEIGHT - MARGIN.top - MARGIN.bottom);

  const grid = Array.from({ length: TICKS + 1 }, (_, i) => (yMax / TICKS) * i).map((y) => {
    const at = scaleY(y).toFixed(1);
    const label = `<text x="${MARGIN.left - 8}" y="${at}" class="tick end">${printNumber(y)}</text>`;
    return `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" class="grid"/>${label}`;
  });
  const xTicks = labelled(xs).map((x) => {
    const at = scaleX(x).toFixed(1);
    return `<text x="${at}" y="${HEIGHT - MARGIN.bottom + 16}" class="tick middle">${printNumber(x)}</text>`;
  });
  const curves = series.map(({ label, points }, i) => {
    const places = points.map(([x, y]) => [scaleX(x).toFixed(1), scaleY(y).toFixed(1)] as const);
    const dots = places.map(([x, y], place) => {
      const [atX, atY] = points[place]!;
      const tooltip = escapeHtml(`${label}: ${printNumber(atY)} at ${printNumber(atX)}`);
      return `<circle cx="${x}" cy="${y}" r="3.5"><title>${tooltip}</title></circle>`;
    });
    return `<g class="series s${i % 4}"><polyline points="${places.map((place) => place.join(',')).join(' ')}"/>${dots.join('')}</g>`;
  });
  const middle = (MARGIN.left + WIDTH - MARGIN.right) / 2;
  const legend = series.map(({ label }, i) => `<span class="s${i % 4}">${escapeHtml(label)}</span>`).join(' ');
  return `<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">
${[...grid, ...xTicks, ...curves].join('\n')}
<text x="${middle}" y="${HEIGHT - 8}" class="label middle">${escapeHtml(xLabel)}</text>
<text transform="translate(13 ${HEIGHT / 2 - 10}) rotate(-90)" class="label middle">${escapeHtml(yLabel)}</text>
</svg><figcaption>${escapeHtml(title)}${series.length > 1 ? ` <span class="legend">${legend}</span>` : ''}</figcaption></figure>`;
}

function xScale(xs: readonly number[]): (x: number) => number {
  const [least, most] = [xs[0] ?? 0, xs.at(-1) ?? 1];
  const place = least > 0 && most / least >= LOG_RATIO ? Math.log : (x: number) => x;
  const span = place(most) - place(least) || 1;
  const inner = WIDTH - MARGIN.left - MARGIN.right - 24;
  return (x) => MARGIN.left + 12 + ((place(x) - place(least)) / span) * inner;
}

/** At most 8 of the values, so that their labels do not overlap. */
function labelled(xs: readonly number[]): readonly number[] {
  const step = Math.ceil(xs.length / 8);
  return xs.filter((_, i) => i % step === 0);
}

/** Rounds up to 1, 2, 2.5, 4, 5, 6, 8 or 10 times a power of ten. */
function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value)!;
}
