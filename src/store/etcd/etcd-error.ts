// What etcd refuses.
import { status } from '@grpc/grpc-js';

/** etcd has answered, with a no. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly code: status;

  constructor(code: status, details: string) {
    super(`etcd refuses: ${details || status[code]}`);
    this.code = code;
  }

  /** The revision that was asked for is compacted away, or has not come yet. */
  get isRevisionGone(): boolean {
    return this.code === status.OUT_OF_RANGE;
  }

  /** Whoever comes may not do this, or is not who he says. */
  get isOfAccess(): boolean {
    return [status.PERMISSION_DENIED, status.UNAUTHENTICATED, status.FAILED_PRECONDITION].includes(this.code);
  }
}
