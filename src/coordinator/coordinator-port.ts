// How a worker asks the coordinator: over a message port of its own, a batch of commands a message, any number of
// batches outstanding (bounded by the pool calls a worker has). Commands and replies cross as structured clones.
import { MessageChannel, type MessagePort, postMessageToThread } from 'node:worker_threads';
import type { Command, Reply } from '../registry/command.ts';
import type { Coordinator } from './coordinator.ts';

interface AskMessage {
  readonly id: number;
  readonly commands: readonly Command[];
}

interface AnswerMessage {
  readonly id: number;
  readonly replies: readonly Reply[];
}

/** A worker's end. */
export class CoordinatorPort {
  readonly #port: MessagePort;
  readonly #asked = new Map<number, (replies: readonly Reply[]) => void>();
  #lastId = 0;

  private constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', ({ id, replies }: AnswerMessage) => {
      const resolve = this.#asked.get(id)!;
      this.#asked.delete(id);
      resolve(replies);
    });
  }

  /** Hands the coordinator thread one end of a new channel. */
  static async open(coordinatorThreadId: number): Promise<CoordinatorPort> {
    const { port1, port2 } = new MessageChannel();
    const opened = new CoordinatorPort(port1);
    await postMessageToThread(coordinatorThreadId, { port: port2 }, [port2]);
    return opened;
  }

  /** Replies in the order of the commands, once what they changed is stored. */
  ask(commands: readonly Command[]): Promise<readonly Reply[]> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#port.postMessage({ id, commands } satisfies AskMessage);
    });
  }
}

/** The coordinator's end: serves every port that a worker hands over. */
export function acceptPorts(coordinator: Coordinator): void {
  process.on('workerMessage', ({ port }: { port: MessagePort }) => {
    port.on('message', async ({ id, commands }: AskMessage) => {
      const replies = await coordinator.ask(commands);
      port.postMessage({ id, replies } satisfies AnswerMessage);
    });
  });
}
