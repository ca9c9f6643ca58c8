// What a run of the suite found.
import type { Environment } from './environment.ts';

/** One number, and what it should be. */
export interface Figure {
  readonly label: string;
  readonly value: number;
  /** What it counts, such as `ms`; empty for a ratio. */
  readonly unit: string;
  /** What else is to be said of it, in a few words. */
  readonly remark?: string;
  /** The target: no more than this. */
  readonly atMost?: number;
}

/** A curve or several over the same axes. */
export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly { readonly label: string; readonly points: readonly (readonly [number, number])[] }[];
}

/** What a section found. */
export interface Findings {
  readonly figures: readonly Figure[];
  readonly plots?: readonly Plot[];
  /** What a reader has to know to read the figures. */
  readonly notes?: readonly string[];
}

/** A section as it is reported. */
export interface SectionReport extends Findings {
  readonly name: string;
  readonly question: string;
  /** What measures it again. */
  readonly command: string;
  readonly seconds: number;
  /** Why there are no figures, if it broke. */
  readonly broke?: string;
}

/** A whole run. */
export interface Report {
  readonly environment: Environment;
  /** The command as it was given. */
  readonly command: string;
  readonly seconds: number;
  readonly sections: readonly SectionReport[];
}

/** Whether a figure meets its target; undefined if it has none. */
export function meetsTarget({ value, atMost }: Figure): boolean | undefined {
  return atMost === undefined ? undefined : value <= atMost;
}

/** A number with as many digits as mean something. */
export function printNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return value.toLocaleString('en-US', {
    maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4,
  });
}
