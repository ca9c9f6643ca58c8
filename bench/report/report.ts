// The results of a run of the suite.
import type { Environment } from './environment.ts';

/** One number and its target. */
export interface Figure {
  readonly label: string;
  readonly value: number;
  /** The unit, such as `ms`; empty for a ratio. */
  readonly unit: string;
  /** A short remark. */
  readonly remark?: string;
  /** The target: `value` should not exceed it. */
  readonly atMost?: number;
}

/** One or more curves over the same axes. */
export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly { readonly label: string; readonly points: readonly (readonly [number, number])[] }[];
}

/** A number in parts. */
export interface Stack {
  readonly label: string;
  readonly unit: string;
  readonly parts: readonly { readonly label: string; readonly value: number }[];
}

/** The results of a section. */
export interface Findings {
  readonly figures: readonly Figure[];
  readonly plots?: readonly Plot[];
  /** Drawn at the head of the page. */
  readonly stacks?: readonly Stack[];
  /** Conditions a reader needs to interpret the figures. */
  readonly notes?: readonly string[];
}

/** A section in a report. */
export interface SectionReport extends Findings {
  readonly name: string;
  readonly question: string;
  /** The command that measures it again. */
  readonly command: string;
  readonly seconds: number;
  /** The error, if the section failed to run and has no figures. */
  readonly broke?: string;
}

/** A whole run. */
export interface Report {
  readonly environment: Environment;
  /** The command line of the run. */
  readonly command: string;
  readonly seconds: number;
  readonly sections: readonly SectionReport[];
}

/** True if a figure meets its target; undefined if it has none. */
export function meetsTarget({ value, atMost }: Figure): boolean | undefined {
  return atMost === undefined ? undefined : value <= atMost;
}

/** Prints a number with its significant digits only. */
export function printNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return value.toLocaleString('en-US', {
    maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4,
  });
}
