// The version of a cluster and of each of its seats, and why clients lost seats (V1, V2, V4). In memory only: the
// table's History tells clients which versions belong together. Invariant: the version never falls, an undo raises it,
// too; so no version stands for two rosters.
import { LOST_SEATS_MAX } from '../limits.ts';
import { bitsWhere } from './seat-bits.ts';

/** The reason for which a client lost its seat. */
export type LossReason = 'expired' | 'left' | 'evicted' | 'replaced';

/** Values of YourSeat for a client without a seat (V4). */
const NEVER_SEATED = 64;
const LOSS_CODES: Readonly<Record<LossReason, number>> = { expired: 65, left: 66, evicted: 67, replaced: 68 };

export class ClusterVersions {
  #version = 1;
  /** By index: the version of the seat's last change. Absent for a seat that was never taken. BOUNDED: 64. */
  readonly #ofSeats: number[] = [];
  /** By client ID, the oldest loss first. BOUNDED by LOST_SEATS_MAX. Undefined until a seat is lost. */
  #lost: Map<string, LossReason> | undefined;

  /** Present version, from 1. */
  get version(): number {
    return this.#version;
  }

  /** Raises the version for a change that concerns no single seat, such as completion. */
  raise(): void {
    this.#version += 1;
  }

  /** Records that a client has taken a seat, or has it with another token. */
  seated(index: number, clientId: string): void {
    this.#seatChanged(index);
    this.#lost?.delete(clientId);
  }

  /** Records that a client has lost its seat; without a reason, that the seat was undone. */
  unseated(index: number, clientId: string, why: LossReason | undefined): void {
    this.#seatChanged(index);
    if (why === undefined) return;
    this.#lost ??= new Map();
    this.#lost.delete(clientId);
    this.#lost.set(clientId, why);
    if (this.#lost.size <= LOST_SEATS_MAX) return;
    const [oldest] = this.#lost.keys();
    this.#lost.delete(oldest!);
  }

  /** Seats that have changed since a version, as bits. */
  changedSince(version: number): bigint {
    return bitsWhere(this.#ofSeats.length, (index) => this.#ofSeats[index]! > version);
  }

  /** True if a client has lost its seat for a reason. */
  get hasLosses(): boolean {
    return this.#lost !== undefined && this.#lost.size > 0;
  }

  /** True if this client has lost its seat for a reason. */
  hasLost(clientId: string): boolean {
    return this.#lost?.has(clientId) ?? false;
  }

  /** YourSeat of a client without a seat. */
  lossCode(clientId: string): number {
    const why = this.#lost?.get(clientId);
    return why === undefined ? NEVER_SEATED : LOSS_CODES[why];
  }

  #seatChanged(index: number): void {
    this.#version += 1;
    while (this.#ofSeats.length < index) this.#ofSeats.push(0);
    this.#ofSeats[index] = this.#version;
  }
}
