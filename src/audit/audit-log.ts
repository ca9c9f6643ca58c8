// The audit log of a running server: queues entries and writes them in batches. Invariants: recording never waits and
// never throws; a line that cannot be written is counted as lost, and the log says so once there is room again.

import type { AuditEvent, AuditSink } from './audit-event.ts';
import type { ChainEnd } from './audit-line.ts';
import { type AuditFiles, AuditWriteError, AuditWriter } from './audit-writer.ts';
import { AUDIT_BATCH_EVENTS, AUDIT_QUEUE_EVENTS_MAX, AUDIT_QUEUE_EVENTS_OF_OPERATORS } from './limits.ts';

/** Milliseconds that entries of members may wait for more. Entries of operators are written and synced at once. */
const WRITE_MS = 100;

/** Milliseconds from a failed write to the next attempt. */
const RETRY_MS = 1_000;

/** Milliseconds between two looks whether members' lines still go to the file of that name. A look costs some lines. */
const PLACE_CHECK_MS = 1_000;

/** Milliseconds between two notes of the newest line in the server's log, while there are new lines. */
const ANCHOR_MS = 600_000;

/** Receives what the server's log should say. */
export interface AuditObserver {
  /** Lines cannot be written, for this reason. Called once until `recovered`. */
  failed(reason: string): void;
  /** Lines are written again; so many were lost. */
  recovered(lost: number): void;
  /** The newest line. A log outside of the data directory thus shows whether lines are missing. */
  anchor(end: ChainEnd): void;
}

export class AuditLog implements AuditSink {
  readonly #files: AuditFiles;
  readonly #observer: AuditObserver;
  /** BOUNDED by AUDIT_QUEUE_EVENTS_MAX. */
  #queue: AuditEvent[] = [];
  #writer: AuditWriter | undefined;
  #end: ChainEnd | undefined;
  /** Lines lost since the last notice in the log. */
  #unnoticed = 0;
  #lost = 0;
  #written = 0;
  /** Present while lines cannot be written. */
  #failure: string | undefined;
  #retryAt = 0;
  #placeCheckedAt = 0;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #anchored = 0;
  readonly #anchorTimer: NodeJS.Timeout;

  constructor(files: AuditFiles, observer: AuditObserver) {
    this.#files = files;
    this.#observer = observer;
    this.#anchorTimer = setInterval(() => this.#anchor(), ANCHOR_MS).unref();
  }

  /** Opens the log. A log that cannot be written loses lines until it can; that is no error. */
  static async open(files: AuditFiles, observer: AuditObserver): Promise<AuditLog> {
    const log = new AuditLog(files, observer);
    try {
      log.#writer = await AuditWriter.open(files);
      log.#end = log.#writer.end;
      if (log.#end.sequence > 0) log.#anchor();
    } catch (error) {
      log.#fail(error as Error);
    }
    return log;
  }

  /** Lines written and lost since the start. */
  get counts(): { readonly written: number; readonly lost: number } {
    return { written: this.#written, lost: this.#lost };
  }

  /** The newest line on disk; undefined while none is known. */
  get newest(): ChainEnd | undefined {
    return this.#end;
  }

  record(event: AuditEvent): void {
    const ofOperator = isOfOperator(event);
    const most = ofOperator ? AUDIT_QUEUE_EVENTS_MAX : AUDIT_QUEUE_EVENTS_MAX - AUDIT_QUEUE_EVENTS_OF_OPERATORS;
    if (this.#queue.length >= most) return this.#lose(1);
    this.#queue.push(event.time === undefined ? { ...event, time: Date.now() } : event);
    if (ofOperator) this.#work();
    else this.#workIn(WRITE_MS);
  }

  /** Counts lost lines, and notes them in the log as soon as it can be written. */
  #lose(lines: number): void {
    this.#lost += lines;
    this.#unnoticed += lines;
    this.#workIn(RETRY_MS);
  }

  /** Writes what is queued, and notes the newest line. */
  async close(): Promise<void> {
    clearInterval(this.#anchorTimer);
    await this.#working;
    this.#retryAt = 0;
    await this.#work();
    clearTimeout(this.#timer);
    this.#anchor();
    await this.#writer?.close();
  }

  #work(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#working ??= this.#writeAll().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  #workIn(milliseconds: number): void {
    this.#timer ??= setTimeout(() => this.#work(), milliseconds).unref();
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0 || this.#unnoticed > 0) {
      if (this.#failure !== undefined && performance.now() < this.#retryAt) {
        const lines = this.#queue.splice(0).length;
        this.#lose(lines);
        return;
      }
      await this.#writeBatch();
    }
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#queue.splice(0, AUDIT_BATCH_EVENTS);
    const noticed = this.#unnoticed;
    const notice = noticed > 0 ? [lostNotice(noticed, this.#failure)] : [];
    let written = 0;
    const ofOperator = batch.some(isOfOperator);
    try {
      const writer = await this.#ready(ofOperator);
      await writer.append([...notice, ...batch], ofOperator);
      written = notice.length + batch.length;
      this.#recover(noticed);
    } catch (error) {
      written = error instanceof AuditWriteError ? error.written : 0;
      await this.#writer?.close();
      this.#end = this.#writer?.end ?? this.#end;
      this.#writer = undefined;
      this.#fail(error as Error);
    }
    this.#end = this.#writer?.end ?? this.#end;
    this.#written += written;
    if (written >= notice.length) this.#unnoticed -= noticed;
    const lost = notice.length + batch.length - Math.max(written, notice.length);
    if (lost > 0) this.#lose(lost);
  }

  /** The writer for the next batch: opened again after a failure, after a rotation, and if its file was replaced. */
  async #ready(ofOperator: boolean): Promise<AuditWriter> {
    const now = performance.now();
    if (this.#writer && (ofOperator || now - this.#placeCheckedAt >= PLACE_CHECK_MS)) {
      this.#placeCheckedAt = now;
      if (!(await this.#writer.isInPlace())) await this.#closeWriter();
    }
    this.#writer ??= await AuditWriter.open(this.#files, this.#end);
    if (!this.#writer.isFull) return this.#writer;
    await this.#closeWriter();
    await AuditWriter.rotate(this.#files);
    this.#writer = await AuditWriter.open(this.#files, this.#end);
    return this.#writer;
  }

  async #closeWriter(): Promise<void> {
    this.#end = this.#writer?.end;
    await this.#writer?.close();
    this.#writer = undefined;
  }

  #fail(error: Error): void {
    this.#retryAt = performance.now() + RETRY_MS;
    this.#workIn(RETRY_MS);
    if (this.#failure === undefined) this.#observer.failed(error.message);
    this.#failure = error.message;
  }

  #recover(lost: number): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#observer.recovered(lost);
  }

  #anchor(): void {
    if (!this.#end || this.#end.sequence === this.#anchored) return;
    this.#anchored = this.#end.sequence;
    this.#observer.anchor(this.#end);
  }
}

/** Operators are few, and their entries matter most: each is written at once and survives a crash of the machine. */
function isOfOperator({ actor }: AuditEvent): boolean {
  return actor.client === undefined;
}

function lostNotice(lines: number, reason: string | undefined): AuditEvent {
  const object = { lines, reason: reason ?? 'too many at once' };
  return { actor: { server: true }, action: 'lines-lost', object, outcome: 'lost', time: Date.now() };
}
