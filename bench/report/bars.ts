// Draws the pictures at the head of a page as SVG: each target as a bar against its bound, and the time of a session in
// parts. With an earlier run, its bar is below each bar, thin.
import { escapeHtml } from './escape-html.ts';
import { meetsTarget, printNumber, type SectionReport, type Stack } from './report.ts';

const WIDTH = 860;
const LABEL = 400;
const VALUE = 90;
const ROW = 24;
const BAR = 12;
const EARLIER = 4;
/** A bar of this many times its bound fills the width; longer ones are cut. */
const BOUNDS_SHOWN = 1.5;

/** Finds the same number in an earlier run, by its place in the section; undefined if that run has none. */
export type Earlier = (section: SectionReport, place: number) => number | undefined;

/** Draws the targets of all sections; empty if there is none. */
export function drawTargets(sections: readonly SectionReport[], earlier: Earlier): string {
  const targets = sections.flatMap((section) =>
    section.figures.flatMap((figure, place) => (figure.atMost === undefined ? [] : [{ section, figure, place }])),
  );
  if (targets.length === 0) return '';
  const scale = (WIDTH - LABEL - VALUE) / BOUNDS_SHOWN;
  const bound = (LABEL + scale).toFixed(1);
  const height = targets.length * ROW + ROW;
  const rows = targets.map(({ section, figure, place }, row) => {
    const length = (value: number) => Math.min(BOUNDS_SHOWN, value / figure.atMost!) * scale;
    const before = earlier(section, place);
    const top = row * ROW + 4;
    const colour = meetsTarget(figure) ? 'good' : 'bad';
    const numbers = `${printNumber(figure.value)} ${figure.unit}`.trim();
    return [
      `<text x="${LABEL - 8}" y="${top + 6}" class="end">${escapeHtml(`${section.name}: ${figure.label.trim()}`)}</text>`,
      bar(LABEL, top, length(figure.value), BAR, colour),
      before === undefined ? '' : bar(LABEL, top + BAR, length(before), EARLIER, 'before'),
      `<text x="${WIDTH}" y="${top + 6}" class="end">${escapeHtml(numbers)} / ${printNumber(figure.atMost!)}</text>`,
    ].join('');
  });
  const line = `<line x1="${bound}" x2="${bound}" y1="0" y2="${targets.length * ROW}" class="bound"/>`;
  const legend = `<text x="${bound}" y="${height - 6}" class="middle">bound</text>`;
  return figureOf('Targets: measured ÷ bound', height, [...rows, line, legend].join(''));
}

/** Draws stacks of parts, all to one scale. */
export function drawStacks(stacks: readonly Stack[]): string {
  if (stacks.length === 0) return '';
  const sum = ({ parts }: Stack) => parts.reduce((total, { value }) => total + value, 0);
  const scale = (WIDTH - LABEL - VALUE) / Math.max(...stacks.map(sum));
  const names = [...new Set(stacks.flatMap(({ parts }) => parts.map(({ label }) => label)))];
  const rows = stacks.map((stack, row) => {
    const top = row * ROW + 4;
    let at = LABEL;
    const parts = stack.parts.map(({ label, value }) => {
      const drawn = bar(at, top, value * scale, BAR, `s${names.indexOf(label)}`);
      at += value * scale;
      return drawn;
    });
    const text = `<text x="${LABEL - 8}" y="${top + 6}" class="end">${escapeHtml(stack.label)}</text>`;
    const total = `<text x="${WIDTH}" y="${top + 6}" class="end">${printNumber(sum(stack))} ${escapeHtml(stack.unit)}</text>`;
    return text + parts.join('') + total;
  });
  const legend = names.map((name, part) => `<span class="s${part}">${escapeHtml(name)}</span>`).join('');
  return figureOf('CPU of a session', stacks.length * ROW + 4, rows.join(''), legend);
}

function bar(x: number, y: number, width: number, height: number, colour: string): string {
  const place = `x="${x.toFixed(1)}" y="${y}" width="${Math.max(0, width).toFixed(1)}" height="${height}"`;
  return `<rect ${place} class="bar ${colour}"/>`;
}

function figureOf(title: string, height: number, body: string, legend = ''): string {
  const caption = `<figcaption>${escapeHtml(title)}<span class="legend">${legend}</span></figcaption>`;
  return `<figure>${caption}<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${body}</svg></figure>`;
}
