// Where in etcd the records of a registry are. IDs are hex, indexes two digits; a name has no slash. Every key begins with
// the prefix of its registry.
//
//   id/CLIENT          a client                        cn/NAME            a cluster
//   c/CLUSTER          its name: the cluster is there  m/CLUSTER/INDEX    a member
//   mn/CLUSTER/NAME    index of the member so named    s/CLIENT/CLUSTER   index of the client's seat
//   u/ID               with a lease: in use            h                  written with every change of the above
//   meta               whose table it is               probe              to find out whether there is room
//
// A seat has its three keys m, mn and s together or not at all, and so has a cluster its two. Since h is written with every
// change, its revision is that of the last one, and asking for it is asking how far the table has come.
import type { Learned, StoredRecord } from '../../registry/command.ts';
import { clientKey, clusterKey, decodeRecord, memberKey, openValue } from '../stored-record.ts';
import type { KeyValue } from './etcd-calls.ts';

export class EtcdKeys {
  readonly prefix: string;
  readonly head: string;
  readonly meta: string;
  readonly probe: string;

  /** The prefix ends with a slash. */
  constructor(prefix: string) {
    this.prefix = prefix;
    this.head = `${prefix}h`;
    this.meta = `${prefix}meta`;
    this.probe = `${prefix}probe`;
  }

  /** Those of a registry, which has a prefix of its own unless told otherwise. */
  static of(registryId: string, prefix: string | undefined): EtcdKeys {
    return new EtcdKeys(prefix ?? `xlreg/${registryId}/`);
  }

  client(id: string): string {
    return `${this.prefix}id/${id}`;
  }

  clusterName(name: string): string {
    return `${this.prefix}cn/${name}`;
  }

  cluster(id: string): string {
    return `${this.prefix}c/${id}`;
  }

  /** All members of a cluster begin so. */
  members(clusterId: string): string {
    return `${this.prefix}m/${clusterId}/`;
  }

  member(clusterId: string, index: number): string {
    return this.members(clusterId) + twoDigits(index);
  }

  memberNames(clusterId: string): string {
    return `${this.prefix}mn/${clusterId}/`;
  }

  memberName(clusterId: string, name: string): string {
    return this.memberNames(clusterId) + name;
  }

  /** All seats of a client begin so. */
  seats(clientId: string): string {
    return `${this.prefix}s/${clientId}/`;
  }

  seat(clientId: string, clusterId: string): string {
    return this.seats(clientId) + clusterId;
  }

  use(id: string): string {
    return `${this.prefix}u/${id}`;
  }

  /** How the keys of all records of a kind begin, in the order in which they are to be read. */
  get recordPrefixes(): readonly string[] {
    return [`${this.prefix}id/`, `${this.prefix}cn/`, `${this.prefix}m/`];
  }

  /** How everything begins that makes a table, besides its head. */
  get tablePrefixes(): readonly string[] {
    return ['id', 'cn', 'c', 'm', 'mn', 's', 'u'].map((kind) => `${this.prefix}${kind}/`);
  }

  get uses(): string {
    return `${this.prefix}u/`;
  }

  /** The record under a key; throws StoreUnusableError if it is not what was written there. */
  record(key: string, value: Uint8Array): StoredRecord {
    const [kind, first, second] = key.slice(this.prefix.length).split('/') as [string, string, string];
    const recordKey =
      kind === 'id' ? clientKey(first) : kind === 'cn' ? clusterKey(first) : memberKey(first, Number(second));
    const bytes = Buffer.concat([recordKey, value]);
    openValue(recordKey, bytes.subarray(recordKey.length));
    return decodeRecord({ bytes, keyAt: 0, valueAt: recordKey.length, end: bytes.length });
  }

  /** What it means that a key was written, or with `value` undefined, deleted; undefined if it means nothing by itself. */
  learned(key: string, value: Uint8Array | undefined): Learned | undefined {
    const [kind, first, second] = key.slice(this.prefix.length).split('/') as [string, string, string];
    switch (kind) {
      case 'u':
        return { kind: value ? 'use' : 'use-over', id: first };
      case 'id':
        return value ? this.record(key, value) : { kind: 'client-removal', clientId: first };
      case 'cn':
        // Its other key says which cluster it was.
        return value ? this.record(key, value) : undefined;
      case 'c':
        return value ? undefined : { kind: 'cluster-removal', id: first, name: '', seats: 0 };
      case 'm':
        return value ? this.record(key, value) : { kind: 'seat-empty', clusterId: first, index: Number(second) };
      default:
        return undefined;
    }
  }
}

/** The first key behind all that begin so. */
export function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

export function twoDigits(index: number): string {
  return String(index).padStart(2, '0');
}

/** Keys are text of one byte a character. */
export function bytesOf(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}

export function keyOf({ key }: KeyValue): string {
  return Buffer.from(key!.buffer, key!.byteOffset, key!.length).toString('latin1');
}
