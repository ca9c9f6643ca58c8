// The HTML page of a run: it escapes all text and fetches nothing.
import { describe, expect, it } from 'vitest';
import { htmlPage } from '../../bench/report/html-page.ts';
import type { Report } from '../../bench/report/report.ts';
import { openTags } from './open-tags.ts';

const HOSTILE = `<script>alert("1")</script>'&lt;`;
const ESCAPED = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;lt;';

function reportWith(text: string): Report {
  const figure = { label: text, value: 3, unit: text, remark: text, atMost: 2 };
  const series = [
    {
      label: text,
      points: [
        [1, 2],
        [100, 4],
      ] as const,
    },
    { label: 'other', points: [[1, 3]] as const },
  ];
  const plot = { title: text, xLabel: text, yLabel: text, series };
  const section = {
    name: text,
    question: text,
    command: text,
    seconds: 1,
    figures: [figure],
    plots: [plot],
    notes: [text],
  };
  return {
    environment: {
      cpuModel: text,
      cores: 2,
      memoryGib: 4,
      kernel: text,
      node: text,
      openssl: text,
      commit: text,
      dirty: true,
      date: text,
      loadAverage: 0,
    },
    command: text,
    seconds: 1,
    sections: [section, { name: 'broken', question: text, command: text, seconds: 1, figures: [], broke: text }],
  };
}

describe('a page made of hostile text', () => {
  const page = htmlPage(reportWith(HOSTILE));

  it('escapes the text everywhere', () => {
    expect(page).not.toContain('<script');
    expect(page.split(ESCAPED)).toHaveLength(htmlPage(reportWith('qqq')).split('qqq').length);
  });

  it('closes every tag it opens, in order', () => {
    expect(openTags(page)).toEqual([]);
  });

  it('fetches nothing', () => {
    expect(page).not.toMatch(/\b(src|href|url)\s*[=(]/);
  });

  it('counts missed targets and failed sections', () => {
    expect(page).toContain('<span class="fail">1 missed</span>, <span class="fail">1 failed to run</span>');
  });
});
