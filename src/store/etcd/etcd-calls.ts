// The calls of etcd that the registry makes, by their paths, and the messages that go with them.
import { etcdserverpb as pb } from './generated/etcd.js';

export type RangeResponse = pb.RangeResponse;
export type KeyValue = pb.KeyValue.$Properties;
export type Compare = pb.Compare.$Properties;
export type RequestOp = pb.RequestOp.$Properties;
export type ResponseOp = pb.ResponseOp.$Properties;
export type TxnRequest = pb.TxnRequest.$Properties;
export type TxnResponse = pb.TxnResponse.$Properties;
export type WatchRequest = pb.WatchRequest.$Properties;
export type WatchResponse = pb.WatchResponse;
export type WatchEvent = pb.Event.$Properties;

/** The numbers of etcd's enums that are used. */
export const { CompareResult, CompareTarget } = pb.Compare;
export const { EventType } = pb.Event;

export type EtcdMethod = 'range' | 'txn' | 'lease-grant' | 'authenticate' | 'status';

/** One call: what it is counted as, where it goes, and its messages. */
export interface Call<Request, Response> {
  readonly name: EtcdMethod;
  readonly path: string;
  encode(request: Request): Buffer;
  decode(bytes: Buffer): Response;
}

interface Codec<Properties, Message> {
  encode(message: Properties): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

function messages<Request, Response>(request: Codec<Request, unknown>, response: Codec<never, Response>) {
  return {
    encode: (message: Request) => request.encode(message).finish() as Buffer,
    decode: (bytes: Buffer) => response.decode(bytes),
  };
}

export const WATCH_PATH = '/etcdserverpb.Watch/Watch';

/** Every call, and the messages of the watch. */
export const ETCD = {
  range: { name: 'range', path: '/etcdserverpb.KV/Range', ...messages(pb.RangeRequest, pb.RangeResponse) },
  txn: { name: 'txn', path: '/etcdserverpb.KV/Txn', ...messages(pb.TxnRequest, pb.TxnResponse) },
  leaseGrant: {
    name: 'lease-grant',
    path: '/etcdserverpb.Lease/LeaseGrant',
    ...messages(pb.LeaseGrantRequest, pb.LeaseGrantResponse),
  },
  authenticate: {
    name: 'authenticate',
    path: '/etcdserverpb.Auth/Authenticate',
    ...messages(pb.AuthenticateRequest, pb.AuthenticateResponse),
  },
  status: {
    name: 'status',
    path: '/etcdserverpb.Maintenance/Status',
    ...messages(pb.StatusRequest, pb.StatusResponse),
  },
  watch: messages(pb.WatchRequest, pb.WatchResponse),
} as const;

/** An int64 of a message, which is a revision or a count here and far from what a number can hold. */
export function toNumber(value: { toNumber(): number } | number | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === 'number' ? value : value.toNumber();
}
