// A relay in front of a registry's TCP port that stops a member at a chosen message. Client and registry take turns, so
// the direction of the bytes tells one message from the next, in whatever segments they arrive.
import { type TakeRead, TcpRelay } from '../support/tcp-relay.ts';

/** The first message that is held back: a request before the registry gets it, or its reply. Both count from 1. */
export type Stop = { readonly request: number } | { readonly reply: number };

export class Gate extends TcpRelay {
  /** Bytes that are held back, in order. BOUNDED by the two messages of each connection of one member. */
  #kept: (() => void)[] = [];
  #stop: Stop | undefined;
  #isShut = false;
  #reached: () => void = () => {};

  static override async to(port: number): Promise<Gate> {
    return await new Gate([port]).listening();
  }

  /** Shuts at this message of any connection. Resolves when it is held back. */
  stopAt(stop: Stop): Promise<void> {
    this.#stop = stop;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  /** Holds back all bytes from now on, in both directions and of later connections, too. */
  shut(): void {
    this.#isShut = true;
    this.#reached();
  }

  /** Passes on what was held back, and all that follows. */
  open(): void {
    this.#stop = undefined;
    this.#isShut = false;
    for (const pass of this.#kept.splice(0)) pass();
  }

  protected override begin(): TakeRead {
    let turns = 0;
    let last = 'server';
    return (sender, pass) => {
      if (sender === 'client' && last === 'server') turns += 1;
      last = sender;
      const stop = this.#stop;
      if (stop && turns === (sender === 'client' ? 'request' in stop && stop.request : 'reply' in stop && stop.reply))
        this.shut();
      if (this.#isShut) this.#kept.push(pass);
      else pass();
    };
  }
}
