// The keys of a registry in etcd. IDs are hex, indexes two digits; a name has no slash. Every key begins with the
// prefix of its registry.
//
//   id/CLIENT          a client                        cn/NAME            a cluster
//   c/CLUSTER          the cluster's name              m/CLUSTER/INDEX    a member
//   mn/CLUSTER/NAME    index of the member so named    s/CLIENT/CLUSTER   index of the client's seat
//   x/CLUSTER/KEY      an entry of a cluster           h                  the head, written with every change of the above
//   u/ID               with a lease: in use            meta               the registry that owns it
//   probe              written to test for room
//
// Invariant: the three keys m, mn and s of a seat exist together or not at all, and so do the two keys of a cluster.
// Every change writes h, so the revision of h is that of the last change. A read of h tells how far the table has to
// be.
import type { Learned, StoredRecord } from '../../registry/command.ts';
import { clientKey, clusterKey, decodeRecord, entryKey, memberKey, openValue } from '../stored-record.ts';
import type { KeyValue } from './etcd-calls.ts';

export class EtcdKeys {
  readonly prefix: string;
  readonly head: string;
  readonly meta: string;
  readonly probe: string;

  /** `prefix` ends with a slash. */
  constructor(prefix: string) {
    this.prefix = prefix;
    this.head = `${prefix}h`;
    this.meta = `${prefix}meta`;
    this.probe = `${prefix}probe`;
  }

  /** The keys of a registry. The default prefix is `xlreg/ID/`. */
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

  /** Prefix of a cluster's members. */
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

  /** Prefix of a client's seats. */
  seats(clientId: string): string {
    return `${this.prefix}s/${clientId}/`;
  }

  seat(clientId: string, clusterId: string): string {
    return this.seats(clientId) + clusterId;
  }

  /** Prefix of a cluster's entries. */
  entries(clusterId: string): string {
    return `${this.prefix}x/${clusterId}/`;
  }

  entry(clusterId: string, key: string): string {
    return this.entries(clusterId) + key;
  }

  use(id: string): string {
    return `${this.prefix}u/${id}`;
  }

  /** A prefix for each kind of record, in the order of Store.load. */
  get recordPrefixes(): readonly string[] {
    return [`${this.prefix}id/`, `${this.prefix}cn/`, `${this.prefix}m/`, `${this.prefix}x/`];
  }

  /** The prefixes of everything in a table but its head. */
  get tablePrefixes(): readonly string[] {
    return ['id', 'cn', 'c', 'm', 'mn', 's', 'x', 'u'].map((kind) => `${this.prefix}${kind}/`);
  }

  get uses(): string {
    return `${this.prefix}u/`;
  }

  /** The record under a key. Throws StoreUnusableError if it is damaged. */
  record(key: string, value: Uint8Array): StoredRecord {
    const [kind, first, second] = key.slice(this.prefix.length).split('/') as [string, string, string];
    const recordKey = recordKeyOf(kind, first, second);
    const bytes = Buffer.concat([recordKey, value]);
    openValue(recordKey, bytes.subarray(recordKey.length));
    return decodeRecord({ bytes, keyAt: 0, valueAt: recordKey.length, end: bytes.length });
  }

  /**
   * The change of a written key, or with `value` undefined, of a deleted key; undefined if the key alone means no
   * change.
   */
  learned(key: string, value: Uint8Array | undefined): Learned | undefined {
    const [kind, first, second] = key.slice(this.prefix.length).split('/') as [string, string, string];
    switch (kind) {
      case 'u':
        return { kind: value ? 'use' : 'use-over', id: first };
      case 'id':
        return value ? this.record(key, value) : { kind: 'client-removal', clientId: first };
      case 'cn':
        // The deletion of c/CLUSTER, in the same transaction, has the ID.
        return value ? this.record(key, value) : undefined;
      case 'c':
        return value ? undefined : { kind: 'cluster-removal', id: first, name: '', seats: 0 };
      case 'm':
        return value ? this.record(key, value) : { kind: 'seat-empty', clusterId: first, index: Number(second) };
      case 'x':
        return value ? this.record(key, value) : { kind: 'entry-removal', clusterId: first, key: second };
      default:
        return undefined;
    }
  }
}

/** The key, as the checksum of the value covers it. */
function recordKeyOf(kind: string, first: string, second: string): Buffer {
  switch (kind) {
    case 'id':
      return clientKey(first);
    case 'cn':
      return clusterKey(first);
    case 'x':
      return entryKey(first, second);
    default:
      return memberKey(first, Number(second));
  }
}

/** The first key after all keys with this prefix. */
export function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

export function twoDigits(index: number): string {
  return String(index).padStart(2, '0');
}

/** Keys are Latin-1 text. */
export function bytesOf(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}

export function keyOf({ key }: KeyValue): string {
  return Buffer.from(key!.buffer, key!.byteOffset, key!.length).toString('latin1');
}
