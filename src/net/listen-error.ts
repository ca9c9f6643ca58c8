// A port that cannot be listened on.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { mayPass } from '../runtime/passing-failure.ts';
import { ListenError, printAddress } from './connection.ts';

/** Says which address it is, why it cannot be had, and that it lies where the system takes ports for outgoing connections. */
export function listenError(
  kind: 'tcp' | 'web',
  host: string,
  port: number,
  error: NodeJS.ErrnoException,
): ListenError {
  const why = error.code === 'EADDRINUSE' ? `the port is in use${portAdvice(port)}` : error.message;
  return new ListenError(`cannot listen on ${kind} ${printAddress(host, port)}: ${why}`, mayPass(error));
}

/** The same, where an engine has not said why: asks the system. */
export async function explainListenError(host: string, port: number): Promise<ListenError> {
  const probe = createServer();
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
    probe.once('error', resolve);
    // If it can be listened on now, its holder has just gone.
    probe.listen({ host, port }, () => resolve(Object.assign(new Error('it was in use'), { code: 'EADDRINUSE' })));
  });
  probe.close();
  return listenError('web', host, port, error);
}

function portAdvice(port: number): string {
  let range: string;
  try {
    range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'ascii');
  } catch {
    return '';
  }
  const [least, most] = range.trim().split(/\s+/).map(Number) as [number, number];
  if (port < least || port > most) return '';
  return `, perhaps by an outgoing connection, which may have any of ${least} to ${most}: see net.ipv4.ip_local_reserved_ports`;
}
