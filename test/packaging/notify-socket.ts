// A stand-in for the socket of systemd. Node has no datagram sockets of AF_UNIX, and Perl is in every Debian.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/until.ts';

/** Prints the fields of each message in one line. A file descriptor that comes along is closed, as systemd does. */
const RECEIVER = `
use Socket;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
bind($socket, pack_sockaddr_un($ARGV[0])) or die $!;
$| = 1;
print "bound\\n";
while (defined recv($socket, my $message, 4096, 0)) {
  chomp $message;
  print join(" ", split /\\n/, $message), "\\n";
}
`;

export class NotifySocket {
  readonly path: string;
  /** Received messages, the fields of each separated by a space. */
  readonly messages: string[] = [];
  readonly #directory: string;
  readonly #receiver: ChildProcess;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'notify');
    this.#receiver = spawn('perl', ['-e', RECEIVER, this.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    this.#receiver.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      // A message of systemd-notify's own, which asks for a sign that the ones before it were read.
      this.messages.push(...lines.filter((line) => line !== 'BARRIER=1'));
    });
  }

  static async open(): Promise<NotifySocket> {
    const socket = new NotifySocket(mkdtempSync(join(tmpdir(), 'xlreg-notify-')));
    await until(() => socket.messages.shift() === 'bound');
    return socket;
  }

  /** Resolves to the first message that matches, and forgets it and all before it. */
  async next(pattern: RegExp): Promise<string> {
    await until(() => this.messages.some((message) => pattern.test(message)));
    const at = this.messages.findIndex((message) => pattern.test(message));
    return this.messages.splice(0, at + 1).at(-1)!;
  }

  async close(): Promise<void> {
    const ended = once(this.#receiver, 'exit');
    this.#receiver.kill('SIGKILL');
    await ended;
    rmSync(this.#directory, { recursive: true });
  }
}

/** Returns whether the programs run here; logs the reason if not. */
export function canNotify(): boolean {
  try {
    execFileSync('systemd-notify', ['--version'], { stdio: 'pipe' });
    execFileSync('perl', ['-MSocket', '-e', '1'], { stdio: 'pipe' });
    return true;
  } catch (error) {
    console.log(`SKIPPED, systemd-notify or perl cannot run here: ${(error as Error).message.trim()}`);
    return false;
  }
}
