// Draws the pictures at the head of a page: each target as a bar against its bound, and the time of a session in parts.
// With an earlier run, its bar is below each bar, thin. Bars are HTML, whose text keeps its size on a narrow screen.
import { escapeHtml } from './escape-html.ts';
import { meetsTarget, printNumber, type SectionReport, type Stack } from './report.ts';

/** A bar of this many times its bound fills the width; longer ones are cut. */
const BOUNDS_SHOWN = 1.5;
/** A part of a stack shows its number from this share of the width on. */
const NUMBER_FROM = 0.05;

/** An earlier run. */
export interface Earlier {
  /** Its date, commit and Node; undefined if there is no earlier run. */
  readonly about: string | undefined;
  /** The same number, by its place in the section; undefined if that run has none. */
  figure(section: SectionReport, place: number): number | undefined;
  /** The same stack of a section, by its label. */
  stack(section: SectionReport, label: string): Stack | undefined;
}

/** Draws the targets of all sections; empty if there is none. */
export function drawTargets(sections: readonly SectionReport[], earlier: Earlier): string {
  const rows = sections.flatMap((section) =>
    section.figures.flatMap((figure, place) => {
      const { atMost, value, unit, label } = figure;
      if (atMost === undefined) return [];
      const bar = (number: number, colour: string) => drawBar(number / atMost / BOUNDS_SHOWN, colour);
      const before = earlier.figure(section, place);
      const bars = bar(value, meetsTarget(figure) ? 'good' : 'bad') + drawEarlier(before, (one) => bar(one, 'before'));
      const bound = `<i class="bound" style="left:${percent(1 / BOUNDS_SHOWN)}"></i>`;
      const name = label.startsWith(section.name) ? label : `${section.name}: ${label.trim()}`;
      const numbers = `${`${printNumber(value)} ${unit}`.trim()} / ${printNumber(atMost)}`;
      return [drawRow(name, bars + bound, numbers, before)];
    }),
  );
  return drawFigure('Targets: measured ÷ bound, which is the dashed line', rows);
}

/** Draws the stacks of all sections, all to one scale. */
export function drawStacks(sections: readonly SectionReport[], earlier: Earlier): string {
  const pairs = sections.flatMap((section) =>
    (section.stacks ?? []).map((stack) => ({ stack, before: earlier.stack(section, stack.label) })),
  );
  const all = pairs.flatMap(({ stack, before }) => (before ? [stack, before] : [stack]));
  const longest = Math.max(...all.map(sumOf));
  const names = [...new Set(all.flatMap(({ parts }) => parts.map(({ label }) => label)))];
  const draw = ({ parts, unit }: Stack) =>
    parts
      .map(({ label, value }) => {
        const number = value / longest < NUMBER_FROM ? '' : printNumber(Math.round(value));
        return drawBar(value / longest, `p${names.indexOf(label)}`, number, `${label}: ${printNumber(value)} ${unit}`);
      })
      .join('');
  const rows = pairs.map(({ stack, before }) => {
    const bars = draw(stack) + drawEarlier(before, draw);
    return drawRow(stack.label, bars, `${printNumber(sumOf(stack))} ${stack.unit}`, before && sumOf(before));
  });
  const legend = names.map((name, part) => `<span class="p${part}">${escapeHtml(name)}</span>`).join(' ');
  return drawFigure('CPU time of a session', rows, legend);
}

function sumOf({ parts }: Stack): number {
  return parts.reduce((total, { value }) => total + value, 0);
}

function drawEarlier<T>(before: T | undefined, draw: (before: T) => string): string {
  return before === undefined ? '' : `<span class="earlier">${draw(before)}</span>`;
}

function drawBar(share: number, colour: string, text = '', title = ''): string {
  const width = percent(Math.min(1, Math.max(0, share)));
  return `<b class="bar ${colour}" style="width:${width}"${title && ` title="${escapeHtml(title)}"`}>${text}</b>`;
}

function drawRow(label: string, bars: string, numbers: string, before: number | undefined): string {
  const text = `<span>${escapeHtml(label)}</span><span class="track">${bars}</span>`;
  const earlier = before === undefined ? '' : `<small>earlier ${printNumber(before)}</small>`;
  return `<div class="row">${text}<span class="number">${escapeHtml(numbers)}${earlier}</span></div>`;
}

function drawFigure(title: string, rows: readonly string[], legend = ''): string {
  if (rows.length === 0) return '';
  const caption = `<figcaption>${escapeHtml(title)} <span class="legend">${legend}</span></figcaption>`;
  return `<figure class="bars">${caption}${rows.join('\n')}</figure>`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}
