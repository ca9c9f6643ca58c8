// The HTML page of a run: it escapes all text and fetches nothing.
import { describe, expect, it } from 'vitest';
import { earlierIn } from '../../bench/report/earlier-run.ts';
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
    stacks: [{ label: text, unit: text, parts: [{ label: text, value: 1 }] }],
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

  it('begins with a bar for each target and one for each stack', () => {
    const pictures = page.slice(0, page.indexOf('<section>'));
    expect(pictures.match(/class="bar bad"/g)).toHaveLength(1);
    expect(pictures.match(/class="bar p0"/g)).toHaveLength(1);
  });

  it('counts missed targets and failed sections', () => {
    expect(page).toContain('<span class="fail">1 missed</span>, <span class="fail">1 failed to run</span>');
  });
});

describe('a page beside an earlier run', () => {
  const figures = (values: readonly number[]) =>
    ['a', '  each', 'b', '  each'].map((label, place) => ({ label, value: values[place]!, unit: '', atMost: 10 }));
  const run = (values: readonly number[]): Report => {
    const { environment } = reportWith('x');
    const section = { name: 's', question: '', command: '', seconds: 1, figures: figures(values) };
    return { environment, command: '', seconds: 1, sections: [section] };
  };

  it('shows the number of the same label below the same leader, and the change', () => {
    const page = htmlPage(run([3, 4, 5, 12]), earlierIn(run([2, 8, 5, 6])));
    expect(openTags(page)).toEqual([]);
    const cells = [...page.matchAll(/<td class="number">([^<]*%\))<\/td>/g)].map(([, text]) => text);
    expect(cells).toEqual(['2 (+50 %)', '8 (−50 %)', '5 (+0 %)', '6 (+100 %)']);
    expect(page.match(/class="bar before"/g)).toHaveLength(4);
    expect(page).toContain('<small>earlier 2</small>');
  });

  it('draws the stack of the same label below, and names the run', () => {
    const stackOf = (value: number) => ({ label: 'x', unit: 'us', parts: [{ label: 'crypto', value }] });
    const withStack = (value: number): Report => {
      const report = run([]);
      return { ...report, sections: [{ ...report.sections[0]!, stacks: [stackOf(value)] }] };
    };
    const page = htmlPage(withStack(100), earlierIn(withStack(200)));
    expect(openTags(page)).toEqual([]);
    const widths = [...page.matchAll(/class="bar p0" style="width:([\d.]+)%/g)].map(([, width]) => Number(width));
    expect(widths).toEqual([50, 100]);
    expect(page).toContain('<small>earlier 200</small>');
    expect(page).toContain('x, commit x (with changes), Node x');
  });

  it('leaves the place of a figure empty that the earlier run lacks', () => {
    const earlier = earlierIn({ ...run([]), sections: [] });
    expect(htmlPage(run([1, 2, 3, 4]), earlier)).not.toContain('bar before');
  });
});
