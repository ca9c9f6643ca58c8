// Front end, sequential: logs one line for each session at its end. The line says which client it was, what the client
// asked, how long the session took and why it ended. It holds no key material, and no unchecked text of a peer.
import type { Logger } from 'pino';
import type { Connection } from '../net/connection.ts';
import { readSession } from '../pool/session-record.ts';
import type { SessionDialect } from '../wire/hello.ts';
import { isOp, opName } from '../wire/message.ts';

const NON_NAME_CHARS = /[^A-Za-z0-9_.-]/g;

/** The log of sessions. Numbers connections, and sets the time from which a session counts as slow. */
export class SessionLog {
  readonly log: Logger;
  /** Milliseconds from which a session's line is a warning; undefined for never. */
  readonly slowSessionMs: number | undefined;
  readonly #numbers: { next(): number };

  /** `numbers` draws the numbers of connections. */
  constructor(log: Logger, slowSessionMs: number | undefined, numbers: { next(): number }) {
    this.log = log;
    this.slowSessionMs = slowSessionMs;
    this.#numbers = numbers;
  }

  /** Begins the entry of a new connection and gives it the next number. */
  open(connection: Connection): SessionEntry {
    return new SessionEntry(this, this.#numbers.next(), connection);
  }
}

/** An open connection as operators see it. */
export interface OpenSession {
  /** Number of the connection, from 1, in order of arrival. */
  readonly connection: number;
  readonly transport: 'tcp' | 'ws';
  readonly address: string | undefined;
  /** Undefined before a good Hello. */
  readonly dialect: SessionDialect | undefined;
  /** Hex; undefined until the client is identified. */
  readonly clientId: string | undefined;
  /** The name in the client's token. */
  readonly clientName: string | undefined;
  /** Number of answered messages. */
  readonly messages: number;
  readonly ageMs: number;
}

/** Collects the facts for the log line of one connection. */
export class SessionEntry {
  readonly #sessions: SessionLog;
  readonly #number: number;
  readonly #connection: Connection;
  readonly #since = performance.now();
  /** Number of answered messages by Op; index 0 counts Ops out of range. Undefined until the first message. */
  #ops: number[] | undefined;
  #dialect: SessionDialect | undefined;
  #clientName: string | undefined;

  constructor(sessions: SessionLog, number: number, connection: Connection) {
    this.#sessions = sessions;
    this.#number = number;
    this.#connection = connection;
  }

  /** The connection's present state; `record` is the session record, if any. */
  describe(record: Uint8Array | undefined): OpenSession {
    const { transport, permit } = this.#connection;
    return {
      connection: this.#number,
      transport,
      address: permit.address,
      dialect: this.#dialect,
      clientId: record && clientIdOf(record),
      clientName: this.#clientName,
      messages: this.#ops?.reduce((sum, count) => sum + count, 0) ?? 0,
      ageMs: Math.round(performance.now() - this.#since),
    };
  }

  /** Records a good Hello. */
  greeted(dialect: SessionDialect): void {
    this.#dialect = dialect;
  }

  /** Records the client's name. Characters that no name may hold (T2) never reach the log. */
  identified(clientName: string): void {
    this.#clientName = clientName.replaceAll(NON_NAME_CHARS, '?');
  }

  /** Counts an answered message; `op` is 0 for an Op out of range. */
  served(op: number): void {
    this.#ops ??= [];
    this.#ops[op] = (this.#ops[op] ?? 0) + 1;
  }

  /**
   * Writes the line: at level info, at warn for a slow session, at debug for a connection without a good Hello.
   * `record` is the session record before it is wiped.
   */
  ended(end: string, record: Uint8Array | undefined): void {
    const { log, slowSessionMs = Number.POSITIVE_INFINITY } = this.#sessions;
    const durationMs = performance.now() - this.#since;
    const level = this.#dialect === undefined ? 'debug' : durationMs >= slowSessionMs ? 'warn' : 'info';
    if (!log.isLevelEnabled(level)) return;
    const { transport, permit } = this.#connection;
    const line = {
      connection: this.#number,
      transport,
      address: permit.address,
      dialect: this.#dialect,
      clientId: record && clientIdOf(record),
      clientName: this.#clientName,
      ops: this.#ops && opsByName(this.#ops),
      end,
      durationMs: Math.round(durationMs * 1000) / 1000,
    };
    log[level](line, level === 'debug' ? 'connection ended' : 'session ended');
  }
}

/** `{ Client: 1, Join: 2 }`. */
function opsByName(ops: readonly number[]): Record<string, number> {
  const named: Record<string, number> = {};
  ops.forEach((count, op) => {
    named[isOp(op) ? opName(op) : 'out-of-range'] = count;
  });
  return named;
}

/** Hex; undefined until the client is identified. */
export function clientIdOf(record: Uint8Array): string | undefined {
  const session = readSession(Buffer.from(record.buffer, record.byteOffset, record.byteLength));
  return session.state === 'identified' ? session.clientId : undefined;
}
