// Charges origins for additions to the table (R4): each new registration, cluster or member, and what counts as one
// (A7, W3), takes one unit of the origin's growth budget. Invariants: a command pays once, however often it is applied; a command that adds nothing in
// the end pays nothing.
import type { Addition, GrowthBudgets } from '../admission/growth-budgets.ts';
import type { Refusal } from '../errors.ts';

/** The payment of a command. */
export interface Purse {
  /** The origin that pays; 0 is exempt. */
  readonly origin: number;
  /** The addition that is paid for; undefined if there is none. */
  paid: Addition | undefined;
}

const REFUSALS = {
  registration: 'registrations-per-address',
  cluster: 'clusters-per-address',
  member: 'members-per-address',
} as const satisfies Record<Addition, Refusal>;

/** Takes tokens and gives them back. Without budgets every addition is free. */
export class Charges {
  readonly #budgets: GrowthBudgets | undefined;
  readonly #clock: () => number;

  /** `clock` returns the budgets' time in seconds. */
  constructor(budgets?: GrowthBudgets, clock = () => 0) {
    this.#budgets = budgets;
    this.#clock = clock;
  }

  /**
   * Takes a token for `adds`, and gives back one taken for another addition. Returns the refusal if no token is left.
   */
  charge(purse: Purse, adds: Addition | undefined): Refusal | undefined {
    if (purse.paid === adds) return undefined;
    this.giveBack(purse);
    if (adds === undefined || !this.#budgets) return undefined;
    if (!this.#budgets.take(purse.origin, adds, this.#clock())) return REFUSALS[adds];
    purse.paid = adds;
    return undefined;
  }

  /** Gives the token back, because the addition did not come about. */
  giveBack(purse: Purse): void {
    if (purse.paid !== undefined) this.#budgets?.giveBack(purse.origin, purse.paid);
    purse.paid = undefined;
  }
}
