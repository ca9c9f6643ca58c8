// The outcome of gathering a roster: whether its members are verified, and whether the time was up before it was complete.
import { printedState } from './cluster-state.ts';
import type { GatheredRoster } from './gather-roster.ts';
import { OperatorError } from './operator-error.ts';
import { unverifiedLines, warnOfRestoredMembers } from './verified-members.ts';

/** The demands on a roster, and the time that the command has waited. */
interface Demands {
  /** The name of the command, for warnings. */
  readonly command: string;
  /** Each member must be verified. */
  readonly verified: boolean;
  /** The value of --wait. */
  readonly seconds: string | undefined;
}

/** Throws OperatorError unless the roster is what the command has waited for: a line for each reason. */
export function assertGathered(roster: GatheredRoster, { command, verified, seconds }: Demands): void {
  const faults = unverifiedLines(roster.members, verified);
  warnOfRestoredMembers(command, roster.members);
  const late = roster.timeUp ? [timeUpText(roster, seconds)] : [];
  if (faults.length + late.length === 0) return;
  const isLate = faults.length === 0;
  throw new OperatorError([...faults, ...late].join('\n'), 1, {
    code: isLate ? 'TIME_UP' : 'NOT_VERIFIED',
    retryable: isLate,
  });
}

function timeUpText(roster: GatheredRoster, seconds: string | undefined): string {
  const state = printedState(roster);
  return `time is up after ${seconds} s${state === undefined ? '' : `: ${state}`}`;
}
