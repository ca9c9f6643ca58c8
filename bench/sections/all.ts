// The sections of the suite, in the order in which they run.
import { hello } from './hello.ts';
import { idle } from './idle.ts';
import { latency } from './latency.ts';
import { overhead } from './overhead.ts';
import { rss } from './rss.ts';
import type { Section } from './section.ts';

/** All of them. */
export const SECTIONS: readonly Section[] = [overhead, hello, latency, idle, rss];
