// The clients of a front end in its own thread. The main thread has the placements of all clients; this side reports
// what happens to those of its sessions. No report wakes the main thread.
import type { MessagePort } from 'node:worker_threads';
import type { ClientPlacements, SessionPlacement } from '../../connection/live-clients.ts';
import type { ClientEvent } from './messages.ts';

/** One session's placement. */
interface RemotePlacement extends SessionPlacement {
  readonly session: number;
  readonly clientId: string;
  readonly ends: number;
  replacedBy: true | undefined;
}

export class RemoteClients implements ClientPlacements {
  readonly #port: MessagePort;
  /** By client. BOUNDED by the connections: one placement each. */
  readonly #placements = new Map<string, Set<RemotePlacement>>();
  /** BOUNDED by the events of one turn of the event loop. */
  #events: ClientEvent[] = [];
  #sessions = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  identified(clientId: string, ends: number, address?: string): RemotePlacement {
    const session = ++this.#sessions;
    const placement: RemotePlacement = { session, clientId, ends, replacedBy: undefined };
    const ofClient = this.#placements.get(clientId);
    if (ofClient) ofClient.add(placement);
    else this.#placements.set(clientId, new Set([placement]));
    this.#report(['identified', session, clientId, ends, address]);
    return placement;
  }

  active(placement: SessionPlacement): void {
    this.#report(['active', (placement as RemotePlacement).session]);
  }

  ended(placement: SessionPlacement): void {
    const { session, clientId } = placement as RemotePlacement;
    const ofClient = this.#placements.get(clientId)!;
    ofClient.delete(placement as RemotePlacement);
    if (ofClient.size === 0) this.#placements.delete(clientId);
    this.#report(['ended', session]);
  }

  /** The main thread has seen the client with these end points last. */
  replaced(clientId: string, ends: number): void {
    for (const placement of this.#placements.get(clientId) ?? []) {
      if (placement.ends !== ends) placement.replacedBy = true;
    }
  }

  /** These end points are the client's last ones again. */
  current(clientId: string, ends: number): void {
    for (const placement of this.#placements.get(clientId) ?? []) {
      if (placement.ends === ends) placement.replacedBy = undefined;
    }
  }

  /** The events of one turn leave in one message, before a client can have acted on its reply. */
  #report(event: ClientEvent): void {
    this.#events.push(event);
    if (this.#events.length > 1) return;
    setImmediate(() => {
      this.#port.postMessage(this.#events);
      this.#events = [];
    });
  }
}
