// The calls of etcd that the registry uses: their gRPC paths and messages.
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

/** The enums of etcd that are used. */
export const { CompareResult, CompareTarget } = pb.Compare;
export const { SortOrder, SortTarget } = pb.RangeRequest;
export const { EventType } = pb.Event;

export type EtcdMethod = 'range' | 'txn' | 'lease-grant' | 'authenticate' | 'status';

/** A call: its name in metrics, its gRPC path, and its messages. */
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

/** All calls, and the messages of the watch. */
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

/** An int64 of a message as a number. Revisions and counts stay far below 2^53. */
export function toNumber(value: { toNumber(): number } | number | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === 'number' ? value : value.toNumber();
}
