// The rounds of forming clusters that a session confirms (Q4): each request for a cluster carries the round that the
// registry has told last, until the roster shows the own confirmation.
import { CLUSTER_SIZE_MAX, ROUND_BYTES } from '../limits.ts';
import { bigintOf, type Message } from '../wire/message.ts';
import { hasSeat, type Roster } from './cluster.ts';

export class RoundsToConfirm {
  /** By cluster ID. BOUNDED by the clusters that the session asks for. */
  readonly #rounds = new Map<string, Uint8Array>();
  /** The own seats as rosters have shown them, by cluster ID. */
  readonly #seats = new Map<string, number>();

  /** Takes the round of a JoinReply or ClusterMembers. `roster` is the latter's, `ownId` the client's ID. */
  told(clusterId: string, { Round, YourSeat, Confirmed }: Message, roster?: Roster, ownId?: string): void {
    const shown = roster?.members.find(({ id }) => id === ownId)?.index;
    const seat =
      shown ?? (YourSeat !== null && YourSeat !== undefined && YourSeat < CLUSTER_SIZE_MAX ? YourSeat : undefined);
    if (seat !== undefined) this.#seats.set(clusterId, seat);
    // A Join may have taken another seat, and a client without one has none to look at.
    else if (!roster || (YourSeat ?? 0) >= CLUSTER_SIZE_MAX) this.#seats.delete(clusterId);
    const own = this.#seats.get(clusterId);
    const done = own !== undefined && hasSeat(bigintOf(Confirmed), own);
    if (Round?.length === ROUND_BYTES && !done) this.#rounds.set(clusterId, Uint8Array.from(Round));
    else this.#rounds.delete(clusterId);
  }

  /** The field that confirms the last round of this cluster. */
  fieldsFor(clusterId: string | undefined): Message {
    const round = clusterId === undefined ? undefined : this.#rounds.get(clusterId);
    return round ? { Round: round } : {};
  }
}
