// The main thread's side of the clients of one further front end: carries out its reports on the placements of all
// clients.
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { LiveClients, Placement } from '../../connection/live-clients.ts';
import type { ClientEvent, FrontOrder } from './messages.ts';

export class ClientReports {
  readonly #port: MessagePort;
  readonly #clients: LiveClients;
  readonly #order: (order: FrontOrder) => void;
  /** By session. BOUNDED by the connections of the front end. */
  readonly #placements = new Map<number, Placement>();

  /** `order` sends an order to the front end. */
  constructor(port: MessagePort, clients: LiveClients, order: (order: FrontOrder) => void) {
    this.#port = port;
    this.#clients = clients;
    this.#order = order;
  }

  /** Carries out what has been reported so far. */
  read(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      for (const event of received.message as readonly ClientEvent[]) this.#apply(event);
    }
  }

  /** Ends the sessions of a front end that has ended. */
  close(): void {
    this.read();
    this.#port.close();
    for (const placement of this.#placements.values()) this.#clients.ended(placement);
    this.#placements.clear();
  }

  #apply([kind, session, ...rest]: ClientEvent): void {
    if (kind === 'identified') {
      const [clientId, ends, address] = rest as [string, number, string | undefined];
      this.#placements.set(session, this.#clients.identified(clientId, ends, address));
      return;
    }
    const placement = this.#placements.get(session)!;
    if (kind === 'ended') {
      this.#placements.delete(session);
      this.#clients.ended(placement);
    } else if (placement.replacedBy) this.#clients.active(placement);
    // The session that replaced it has ended since.
    else this.#order({ kind: 'current', clientId: placement.clientId, ends: placement.ends });
  }
}
