// An error that etcd answered with.
import { status } from '@grpc/grpc-js';

/** etcd answered a call with an error. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly code: status;

  constructor(code: status, details: string) {
    super(`etcd refuses: ${details || status[code]}`);
    this.code = code;
  }

  /** The requested revision is compacted, or in the future. */
  get isRevisionGone(): boolean {
    return this.code === status.OUT_OF_RANGE;
  }

  /** The user lacks a permission or is not authenticated. */
  get isOfAccess(): boolean {
    return [status.PERMISSION_DENIED, status.UNAUTHENTICATED, status.FAILED_PRECONDITION].includes(this.code);
  }
}
