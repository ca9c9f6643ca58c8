// A roster in memory for tests of streams: members who change as the test says.

import { randomBytes } from 'node:crypto';
import type { PeerDirectory, StreamPeer } from '../../../src/client/streams/peer-directory.ts';
import { type KeyPair, keyPairOf } from '../../../src/noise/key-pair.ts';

export const REGISTRY_ID = Buffer.alloc(32, 1);
export const CLUSTER_ID = Buffer.alloc(32, 2);

/** A member with its secret, so that a second implementation can speak for it. */
export interface TestMember {
  readonly id: Buffer;
  readonly secret: Buffer;
  readonly pair: KeyPair;
}

export function testMember(): TestMember {
  const secret = randomBytes(32);
  return { id: randomBytes(32), secret, pair: keyPairOf(Buffer.from(secret)) };
}

/** One cluster's roster, shared by the directories of its members. */
export class TestRoster {
  readonly peers = new Map<string, StreamPeer>();
  readonly #listeners = new Set<() => void>();
  /** Runs at each fetch of the roster. */
  onRefresh: () => void = () => {};
  refreshes = 0;

  put(member: TestMember, port: number, changes: Partial<StreamPeer> = {}): void {
    const name = `member-${this.peers.size}`;
    const entry = { name, id: member.id, endPoints: [`127.0.0.1:${port}`], sealKey: member.pair.publicKey };
    this.peers.set(member.id.toString('hex'), { ...entry, verified: true, ...changes });
    this.changed();
  }

  remove(member: TestMember): void {
    this.peers.delete(member.id.toString('hex'));
    this.changed();
  }

  changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  directory(self: TestMember): PeerDirectory {
    return {
      registryId: REGISTRY_ID,
      clusterId: CLUSTER_ID,
      self: { id: self.id, sealKeyPair: self.pair },
      find: (id) => this.peers.get(Buffer.from(id).toString('hex')),
      members: () => [...this.peers.values()],
      refresh: async () => {
        this.refreshes += 1;
        this.onRefresh();
      },
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
    };
  }
}
