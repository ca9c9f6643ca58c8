// What addresses pay for what they add to the table (R4): a token of their growth budget for each registration, cluster and
// member that is new. Invariants: a command pays once, however often it is applied; one that adds nothing in the end pays
// nothing.
import type { Addition, GrowthBudgets } from '../admission/growth-budgets.ts';
import type { Refusal } from '../errors.ts';

/** A command, as far as it has to be paid for. */
export interface Purse {
  /** The entry of the budgets that pays. */
  readonly origin: number;
  /** What it has paid for. */
  paid: Addition | undefined;
}

const REFUSALS = {
  registration: 'registrations-per-address',
  cluster: 'clusters-per-address',
  member: 'members-per-address',
} as const satisfies Record<Addition, Refusal>;

/** Takes and gives back tokens. Without budgets everything is free. */
export class Charges {
  readonly #budgets: GrowthBudgets | undefined;
  readonly #clock: () => number;

  /** `clock` tells seconds, as the budgets have them. */
  constructor(budgets?: GrowthBudgets, clock = () => 0) {
    this.#budgets = budgets;
    this.#clock = clock;
  }

  /** Takes a token for what a command has added, and gives back one that was taken for nothing. Why it cannot; else undefined. */
  charge(purse: Purse, adds: Addition | undefined): Refusal | undefined {
    if (purse.paid === adds) return undefined;
    this.giveBack(purse);
    if (adds === undefined || !this.#budgets) return undefined;
    if (!this.#budgets.take(purse.origin, adds, this.#clock())) return REFUSALS[adds];
    purse.paid = adds;
    return undefined;
  }

  /** What was paid for has come to nothing. */
  giveBack(purse: Purse): void {
    if (purse.paid !== undefined) this.#budgets?.giveBack(purse.origin, purse.paid);
    purse.paid = undefined;
  }
}
