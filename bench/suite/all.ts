// The sections of the suite, in running order.
import { gathering } from './gathering.ts';
import { clusterSize, tableSize, workers } from './growth.ts';
import { hello } from './hello.ts';
import { http } from './http.ts';
import { idle } from './idle.ts';
import { latency } from './latency.ts';
import { micro } from './micro.ts';
import { overhead } from './overhead.ts';
import { roster } from './roster.ts';
import { rss } from './rss.ts';
import { sealed } from './sealed.ts';
import type { Section } from './section.ts';

/** All sections. */
export const SECTIONS: readonly Section[] = [
  overhead,
  hello,
  sealed,
  roster,
  gathering,
  latency,
  http,
  idle,
  rss,
  tableSize,
  workers,
  clusterSize,
  micro,
];
