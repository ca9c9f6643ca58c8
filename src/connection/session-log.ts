// One line for each session, when it ends: who, what, how long, why. No key material, and no text of the peer's that has not
// been checked. A line costs 8 µs of the main thread, 1.6 % of it at 2,000 sessions a second, and 0.4 µs where the level
// leaves it out (40,000 entries of six calls each in a loop, Node 20, two busy cores; synchronous writes were no dearer to a
// file, but would stop the registry for a slow reader of a pipe).
import type { Logger } from 'pino';
import type { Connection } from '../net/connection.ts';
import { readSession } from '../pool/session-record.ts';
import type { DialectName } from '../wire/hello.ts';
import { isOp, opName } from '../wire/message.ts';

const NOT_OF_NAMES = /[^A-Za-z0-9_.-]/g;

/** Where sessions are logged, and how long one may take before its line is a warning. */
export class SessionLog {
  readonly log: Logger;
  /** Milliseconds; undefined: none is too long. */
  readonly slowSessionMs: number | undefined;
  #connections = 0;

  constructor(log: Logger, slowSessionMs: number | undefined) {
    this.log = log;
    this.slowSessionMs = slowSessionMs;
  }

  /** Begins the entry of a new connection, which is numbered. */
  open(connection: Connection): SessionEntry {
    return new SessionEntry(this, ++this.#connections, connection);
  }
}

/** A connection that there is. */
export interface OpenSession {
  /** Its number, counted from 1 as they came. */
  readonly connection: number;
  readonly transport: 'tcp' | 'ws';
  readonly address: string | undefined;
  /** Undefined before there was a good Hello. */
  readonly dialect: DialectName | undefined;
  /** Hex; undefined while nobody knows who it is. */
  readonly clientId: string | undefined;
  /** As in its token. */
  readonly clientName: string | undefined;
  /** How many have been answered. */
  readonly messages: number;
  readonly ageMs: number;
  /** True where the client's ID is in use with other end points, too. */
  readonly twin?: boolean;
}

/** What the line of one connection will say. */
export class SessionEntry {
  readonly #sessions: SessionLog;
  readonly #number: number;
  readonly #connection: Connection;
  readonly #since = performance.now();
  /** Messages answered by Op, 0 for one out of range; undefined until there is one. */
  #ops: number[] | undefined;
  #dialect: DialectName | undefined;
  #clientName: string | undefined;

  constructor(sessions: SessionLog, number: number, connection: Connection) {
    this.#sessions = sessions;
    this.#number = number;
    this.#connection = connection;
  }

  /** As it is now; `record` is the session's, if there is one. */
  describe(record: Uint8Array | undefined): OpenSession {
    const { transport, permit: seat } = this.#connection;
    return {
      connection: this.#number,
      transport,
      address: seat.address,
      dialect: this.#dialect,
      clientId: record && clientIdOf(record),
      clientName: this.#clientName,
      messages: this.#ops?.reduce((sum, count) => sum + count, 0) ?? 0,
      ageMs: Math.round(performance.now() - this.#since),
    };
  }

  /** The Hello was good: there is a session. */
  greeted(dialect: DialectName): void {
    this.#dialect = dialect;
  }

  /** The client has said who it is. Whatever no name holds (T2) does not get into a log. */
  identified(clientName: string): void {
    this.#clientName = clientName.replaceAll(NOT_OF_NAMES, '?');
  }

  /** A message was answered; 0 for an Op out of range. */
  served(op: number): void {
    this.#ops ??= [];
    this.#ops[op] = (this.#ops[op] ?? 0) + 1;
  }

  /**
   * Writes the line: info, or warn for a slow session; debug for a connection that never became one. `record` is the
   * session's record, still with what it held.
   */
  ended(end: string, record: Uint8Array | undefined): void {
    const { log, slowSessionMs = Number.POSITIVE_INFINITY } = this.#sessions;
    const durationMs = performance.now() - this.#since;
    const level = this.#dialect === undefined ? 'debug' : durationMs >= slowSessionMs ? 'warn' : 'info';
    if (!log.isLevelEnabled(level)) return;
    const { transport, permit: seat } = this.#connection;
    const line = {
      connection: this.#number,
      transport,
      address: seat.address,
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

/** Hex; undefined while nobody knows who it is. */
export function clientIdOf(record: Uint8Array): string | undefined {
  const session = readSession(Buffer.from(record.buffer, record.byteOffset, record.byteLength));
  return session.state === 'identified' ? session.clientId : undefined;
}
