// One question that the suite answers, and how much of a run it gets.
import type { Findings } from '../report/report.ts';

/** How much to measure. */
export class Scope {
  /** A tenth of everything: to see that it works, not to read figures from. */
  readonly quick: boolean;
  /** What `--sessions` and `--members` say, if they do. */
  readonly sessions: number | undefined;
  readonly members: number | undefined;

  constructor(options: { quick: boolean; sessions: number | undefined; members: number | undefined }) {
    this.quick = options.quick;
    this.sessions = options.sessions;
    this.members = options.members;
  }

  /** So many of something, or a tenth in a quick run. */
  amount(normal: number): number {
    return this.quick ? Math.max(1, Math.round(normal / 10)) : normal;
  }
}

/** A part of the suite that can be run alone. */
export interface Section {
  /** As `--only` takes it. */
  readonly name: string;
  readonly question: string;
  measure(scope: Scope): Promise<Findings>;
}
