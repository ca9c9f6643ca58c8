// A closed loop of full sessions by the independent client: Hello, Client, Create, Join, GetCluster, Bye, each session by
// a member that the registry has not seen.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dialect, FieldClient } from '../field-client.ts';
import { ClosedEarly } from '../field-connection.ts';
import { signedToken } from '../member-keys.ts';
import type { RegistryFile } from '../registry-file.ts';

/** Distinct tokens, signed beforehand. They have no ID, so the registry makes a new member of each session. */
const TOKENS = 256;
const CLUSTER_SIZE = 8;
/** A client whose Hello is turned away comes again after this time. */
const RETRY_MS = 10;

/** The registry under load, and the dialect. */
export interface LoadTarget {
  readonly file: RegistryFile;
  readonly dialect: Dialect;
}

/** The result of a load. */
export interface LoadResult {
  readonly sessions: number;
  readonly seconds: number;
  /** Hellos that the registry closed; each came again. */
  readonly turnedAway: number;
}

export class FieldLoad {
  readonly #target: LoadTarget;
  readonly #address: { readonly host: string; readonly port: number };
  readonly #tokens = Array.from({ length: TOKENS }, (_, place) =>
    signedToken({ name: `m${place}`, myEnds: [`127.0.0.1:${10_000 + place}`] }),
  );
  /** Differs between runs, since a running registry may still have the clusters of the last one. */
  readonly #prefix = `f${Date.now().toString(36)}-`;
  #sessions = 0;

  constructor(target: LoadTarget) {
    this.#target = target;
    const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(target.file.endPoints[0]!)!;
    this.#address = { host: host!, port: Number(port) };
  }

  /** Runs so many sessions on so many connections. Rejects if one fails: the rest would look cheap. */
  async run(sessions: number, connections: number): Promise<LoadResult> {
    const began = performance.now();
    let [left, turnedAway] = [sessions, 0];
    const loop = async () => {
      while (left > 0) {
        left -= 1;
        turnedAway += await this.#session(this.#sessions++);
      }
    };
    await Promise.all(Array.from({ length: connections }, loop));
    return { sessions, seconds: (performance.now() - began) / 1_000, turnedAway };
  }

  /** Runs a session; resolves to the number of Hellos that were turned away before. */
  async #session(number: number): Promise<number> {
    const name = `${this.#prefix}${Math.floor(number / CLUSTER_SIZE)}`;
    const { client, turnedAway } = await this.#start();
    try {
      await client.identify(this.#tokens[number % TOKENS]!);
      await client.create(name, CLUSTER_SIZE, 1);
      const { clusterId } = await client.join(name);
      await client.getCluster(clusterId);
      await client.bye();
    } finally {
      client.close();
    }
    return turnedAway;
  }

  async #start(): Promise<{ readonly client: FieldClient; readonly turnedAway: number }> {
    const { dialect, file } = this.#target;
    for (let turnedAway = 0; ; turnedAway++) {
      const options = { transport: 'tcp', dialect, registryKey: file.commsKey, ...this.#address } as const;
      const client = await FieldClient.open(options);
      try {
        await client.hello();
        return { client, turnedAway };
      } catch (error) {
        client.close();
        if (!(error instanceof ClosedEarly)) throw error;
        await sleep(RETRY_MS);
      }
    }
  }
}
