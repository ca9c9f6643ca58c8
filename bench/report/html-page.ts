// Prints a run as one HTML page: no script, no network requests, dark or light by the reader's preference.

import { drawStacks, drawTargets, type Earlier } from './bars.ts';
import { NO_EARLIER } from './earlier-run.ts';
import { escapeHtml } from './escape-html.ts';
import { drawPlot } from './plot.ts';
import { type Figure, meetsTarget, printNumber, type Report, type SectionReport } from './report.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2129; --soft: #667; --line: #d9dce3; --page: #fff; --panel: #f6f7f9;
  --s0: #2563c9; --s1: #c2410c; --s2: #15803d; --s3: #7e22ce; --good: #15803d; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ee; --soft: #9aa2b1; --line: #343a46; --page: #14171c;
  --panel: #1c2027; --s0: #7aa9f7; --s1: #f4a268; --s2: #6fcf8e; --s3: #c99af2; --good: #6fcf8e; --bad: #ff8a80; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .1rem; }
p { margin: .2rem 0 .6rem; } .soft, li { color: var(--soft); }
code { font: .9em ui-monospace, monospace; background: var(--panel); padding: .1em .3em; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid var(--line); } th { font-weight: 600; color: var(--soft); }
td:first-child { min-width: 12rem; }
section { overflow-x: auto; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pass { color: var(--good); } .fail { color: var(--bad); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dt { color: var(--soft); } dd { margin: 0; }
figure { margin: 1rem 0; background: var(--panel); border-radius: 8px; padding: .6rem; overflow-x: auto; }
svg { width: 100%; min-width: 34rem; height: auto; }
figcaption { font-size: .9rem; color: var(--soft); padding-left: .4rem; }
.legend span { margin-left: .8rem; white-space: nowrap; -webkit-text-fill-color: var(--soft); }
.legend span::before { content: '\\25CF\\00a0'; -webkit-text-fill-color: currentColor; }
.grid { stroke: var(--line); } text { fill: var(--soft); font-size: 12px; } .end { text-anchor: end; dominant-baseline: middle; }
.middle { text-anchor: middle; } .series polyline { fill: none; stroke: currentColor; stroke-width: 2; }
.series circle { fill: currentColor; } .s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); }
.s3 { color: var(--s3); }
.sub { padding-left: 1rem; } small { display: block; color: var(--soft); }
.row { display: grid; grid-template-columns: 24rem 1fr 7.5rem; gap: .15rem .7rem; align-items: center; padding: .12rem .4rem;
  font-size: .85rem; line-height: 1.25; } .track { position: relative; line-height: 0; }
.bar { display: inline-block; height: 1rem; vertical-align: top; background: currentColor; font: 11px/1rem system-ui, sans-serif;
  text-align: center; overflow: hidden; -webkit-text-fill-color: var(--page); } .earlier .bar { height: .35rem; font-size: 0; }
.earlier { display: block; } .good { color: var(--good); } .bad { color: var(--bad); } .before { color: var(--soft); }
.bound { position: absolute; top: -.2rem; bottom: -.2rem; border-left: 2px dashed var(--ink); }
.p0 { color: var(--s0); } .p1 { color: var(--s1); } .p2 { color: color-mix(in srgb, var(--s1) 55%, var(--page)); }
.p3 { color: var(--s2); } .p4 { color: color-mix(in srgb, var(--s2) 55%, var(--page)); }
.p5 { color: var(--s3); } .p6 { color: color-mix(in srgb, var(--s3) 55%, var(--page)); } .p7 { color: var(--soft); }
@media (max-width: 48rem) { .row { grid-template-columns: 1fr max-content; padding-bottom: .7rem; }
  .track { grid-area: 2 / 1 / auto / span 2; } }`;

/** The page of a run; with an earlier one beside it, if given. */
export function htmlPage({ environment, command, seconds, sections }: Report, earlier = NO_EARLIER): string {
  const facts = {
    date: environment.date,
    commit: `${environment.commit}${environment.dirty ? ' (with changes)' : ''}`,
    machine: `${environment.cpuModel}, ${environment.cores} cores, ${environment.memoryGib} GiB, Linux ${environment.kernel}`,
    'load before': printNumber(environment.loadAverage),
    Node: `${environment.node}, OpenSSL ${environment.openssl}`,
    took: `${seconds.toFixed(0)} s`,
    ...(earlier.about !== undefined && { 'thin bars': earlier.about }),
  };
  const list = Object.entries(facts).map(([term, fact]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(fact)}</dd>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>xlReg benchmark</title><style>${STYLE}</style></head><body>
<h1>xlReg benchmark</h1>
<p><code>${escapeHtml(command)}</code></p>
<dl><dt>targets</dt><dd>${verdicts(sections)}</dd>${list.join('')}</dl>
${drawTargets(sections, earlier)}
${drawStacks(sections, earlier)}
${sections.map((section) => sectionHtml(section, earlier)).join('\n')}
</body></html>
`;
}

function verdicts(sections: readonly SectionReport[]): string {
  const judged = sections.flatMap(({ figures }) => figures.map(meetsTarget)).filter((met) => met !== undefined);
  const missed = judged.filter((met) => !met).length;
  const broken = sections.filter(({ broke }) => broke !== undefined).length;
  const parts = [`<span class="pass">${judged.length - missed} met</span>`];
  if (missed > 0) parts.push(`<span class="fail">${missed} missed</span>`);
  if (broken > 0) parts.push(`<span class="fail">${broken} failed to run</span>`);
  return parts.join(', ');
}

function sectionHtml(section: SectionReport, earlier: Earlier): string {
  const { name, question, command, figures, plots = [], notes = [], broke } = section;
  const columns = ['measured', '', 'at most', ...(earlier.about === undefined ? [] : ['earlier']), ''];
  const head = `<tr><th>what</th>${columns.map((column) => `<th class="number">${column}</th>`).join('')}</tr>`;
  const rows = figures.map((figure, place) => {
    return figureRow(figure, earlier.about === undefined ? '' : earlierCell(figure, earlier.figure(section, place)));
  });
  return `<section><h2>${escapeHtml(name)}</h2><p>${escapeHtml(question)} <span class="soft"><code>${escapeHtml(command)}</code></span></p>
${broke === undefined ? '' : `<p class="fail">Failed: ${escapeHtml(broke)}</p>`}
${figures.length === 0 ? '' : `<table>${head}${rows.join('')}</table>`}
${plots.map(drawPlot).join('\n')}
${notes.length === 0 ? '' : `<ul>${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`}</section>`;
}

/** The number of an earlier run, and the change since. */
function earlierCell({ value }: Figure, before: number | undefined): string {
  if (before === undefined) return '<td></td>';
  const change =
    before === 0 ? '' : ` (${value >= before ? '+' : '−'}${printNumber(Math.abs(value / before - 1) * 100)} %)`;
  return `<td class="number">${printNumber(before)}${change}</td>`;
}

function figureRow(figure: Figure, earlier: string): string {
  const { label, value, unit, atMost, remark = '' } = figure;
  const met = meetsTarget(figure);
  const verdict = met === undefined ? '' : met ? '<span class="pass">pass</span>' : '<span class="fail">fail</span>';
  const target = atMost === undefined ? '' : printNumber(atMost);
  const name = `<td${label.startsWith(' ') ? ' class="sub"' : ''}>${escapeHtml(label)}</td>`;
  return `<tr>${name}<td class="number">${printNumber(value)}</td><td>${escapeHtml(unit)}</td><td class="number">${target}</td>${earlier}<td>${verdict}${escapeHtml(remark)}</td></tr>`;
}
