// Front end, sequential: the one request of a connection that waits for a change of a cluster (V5, V6). It is either
// parked, or a job resumes it.
import type { WaitEnd } from '../metrics/wait-metrics.ts';
import type { Job, JobWaiting } from '../pool/job.ts';
import type { ParkedRequest, ParkedRequests } from './parked-requests.ts';

export class RequestWait {
  readonly #parked: ParkedRequests;
  readonly #request: ParkedRequest;
  readonly #submit: (kind: Job['kind'], bytes: Uint8Array) => void;
  /** The reason for which the request was unparked last; undefined while it is parked. */
  #unparked: WaitEnd | undefined;

  /** `submit` submits a job that resumes the request. `msLeft` is what is left of the session's time. */
  constructor(
    parked: ParkedRequests,
    { cluster, version, until, waitMs, request }: JobWaiting,
    msLeft: number,
    submit: (kind: Job['kind'], bytes: Uint8Array) => void,
  ) {
    this.#parked = parked;
    this.#submit = submit;
    const deadline = performance.now() + Math.min(waitMs, msLeft);
    const unparked = (why: WaitEnd) => this.#resume(why);
    // Copy: the result's memory is the pool's again after its callback.
    this.#request = { cluster, version, until, deadline, request: new Uint8Array(request), unparked, tick: 0 };
  }

  /** True while no job resumes the request. */
  get isParked(): boolean {
    return this.#unparked === undefined;
  }

  /** Parks the request at this version. `place` was noted before its job was submitted. It may be resumed at once. */
  park(version: number, place: number): void {
    this.#unparked = undefined;
    this.#request.version = version;
    this.#parked.park(this.#request, place);
  }

  /** Ends the wait: the answer goes out before what has come in. */
  end(why: 'message' | 'fin'): void {
    this.#parked.remove(this.#request);
    this.#resume(why);
  }

  /** Records that the request has been answered; with `closed`, that the connection is gone. */
  forget(closed = false): void {
    if (this.isParked) this.#parked.remove(this.#request);
    this.#parked.ended(closed ? 'closed' : this.#unparked!);
    this.#request.request.fill(0);
  }

  /** Submits the request again. After a change it may wait on. */
  #resume(why: WaitEnd): void {
    this.#unparked = why;
    this.#submit(why === 'change' ? 'resume' : 'resume-last', this.#request.request);
  }
}
