// Clusters and members that commands have added or removed, on their way from the coordinator's thread to the audit log. They
// travel in batches, so that none costs a message of its own.
import { AUDIT_ADDITIONS_BATCH } from '../limits.ts';
import type { AuditedEvent } from '../registry/outcome.ts';

/** A stored addition, or another stored event of a command that the audit log has. */
export interface TableAddition {
  /** A Create that made the cluster, a Join that took a seat, or an event of AuditedEvent. */
  readonly action: 'create' | 'join' | AuditedEvent['action'];
  readonly clientId: string;
  readonly clusterId: string;
  readonly cluster: string;
  /** Name of the member that took or left the seat. */
  readonly member: string | undefined;
  /** Hash of the join token that was used, added or revoked, hex. */
  readonly joinToken?: string | undefined;
  readonly joinTokens?: number | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export class AdditionQueue {
  readonly #send: (additions: readonly TableAddition[]) => void;
  /** BOUNDED by AUDIT_ADDITIONS_BATCH. */
  #queued: TableAddition[] = [];

  constructor(send: (additions: readonly TableAddition[]) => void) {
    this.#send = send;
  }

  /** Queues an addition until flush(), or sends it with the others if they are a whole batch. */
  add(addition: TableAddition): void {
    this.#queued.push(addition);
    if (this.#queued.length >= AUDIT_ADDITIONS_BATCH) this.flush();
  }

  flush(): void {
    if (this.#queued.length === 0) return;
    this.#send(this.#queued);
    this.#queued = [];
  }
}
