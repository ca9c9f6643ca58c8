// The requests of a client of the field, whatever its dialect.

import { type Closed, FieldConnection } from './field-connection.ts';
import { type FieldMessage, type MessageInput, OP } from './protobuf.ts';

/** A reply of another Op than the one asked for. */
export class OtherReply extends Error {
  override readonly name = 'OtherReply';
  readonly reply: FieldMessage;

  constructor(expected: number, reply: FieldMessage) {
    super(`Op ${reply.op} (${reply.errDesc ?? 'no ErrDesc'}) in place of ${expected}`);
    this.reply = reply;
  }
}

/** A connection on which messages can be sent. */
export abstract class FieldRequests extends FieldConnection {
  /** Sends a message and returns the reply, of any Op. */
  abstract request(message: MessageInput | Uint8Array): Promise<FieldMessage>;

  /** Sends a message and returns the reply; rejects with OtherReply if its Op differs. */
  async call(message: MessageInput, op: number): Promise<FieldMessage> {
    const reply = await this.request(message);
    if (reply.op !== op) throw new OtherReply(op, reply);
    return reply;
  }

  async create(clusterName: string, clusterSize?: number, endPointCount?: number): Promise<FieldMessage> {
    return await this.call({ op: OP.Create, clusterName, clusterSize, endPointCount }, OP.CreateReply);
  }

  /** Sends a Join by name, by ID, or by neither. */
  async join(cluster?: string | Uint8Array): Promise<FieldMessage> {
    const named = typeof cluster === 'string' ? { clusterName: cluster } : { clusterId: cluster };
    return await this.call({ op: OP.Join, ...named }, OP.JoinReply);
  }

  async getCluster(clusterId?: Uint8Array, which?: bigint): Promise<FieldMessage> {
    return await this.call({ op: OP.GetCluster, clusterId, which }, OP.ClusterMembers);
  }

  /** Sends a Bye, and waits for the Ack and the registry's close. */
  async bye(): Promise<Closed> {
    await this.call({ op: OP.Bye }, OP.Ack);
    return await this.waitClosed();
  }
}
