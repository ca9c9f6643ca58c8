// The interface of a section, and the scope of a run.
import type { Findings } from '../report/report.ts';

/** The amount to measure. */
export class Scope {
  /** A tenth of everything: a smoke test, whose figures mean nothing. */
  readonly quick: boolean;
  /** The values of `--sessions` and `--members`, if given. */
  readonly sessions: number | undefined;
  readonly members: number | undefined;

  constructor(options: { quick: boolean; sessions: number | undefined; members: number | undefined }) {
    this.quick = options.quick;
    this.sessions = options.sessions;
    this.members = options.members;
  }

  /** `normal`, or a tenth of it in a quick run. */
  amount(normal: number): number {
    return this.quick ? Math.max(1, Math.round(normal / 10)) : normal;
  }
}

/** A part of the suite that answers one question and can run alone. */
export interface Section {
  /** The name for `--only`. */
  readonly name: string;
  readonly question: string;
  measure(scope: Scope): Promise<Findings>;
}
