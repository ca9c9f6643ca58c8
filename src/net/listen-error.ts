// Error messages for a port that cannot be bound.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { mayPass } from '../runtime/passing-failure.ts';
import { ListenError, printAddress } from './connection.ts';

/** Names the address and the reason, and warns of a port in the system's range for outgoing connections. */
export function listenError(
  kind: 'tcp' | 'web',
  host: string,
  port: number,
  error: NodeJS.ErrnoException,
): ListenError {
  const why = error.code === 'EADDRINUSE' ? `the port is in use${portAdvice(port)}` : error.message;
  return new ListenError(`cannot listen on ${kind} ${printAddress(host, port)}: ${why}`, mayPass(error));
}

/** The same for an engine that gives no reason: binds the port itself to learn the reason. */
export async function explainListenError(host: string, port: number): Promise<ListenError> {
  const probe = createServer();
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
    probe.once('error', resolve);
    // A bind that succeeds now means that the port's holder has just gone.
    probe.listen({ host, port }, () => resolve(Object.assign(new Error('it was in use'), { code: 'EADDRINUSE' })));
  });
  probe.close();
  return listenError('web', host, port, error);
}

function portAdvice(port: number): string {
  let text: string;
  try {
    text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'ascii');
  } catch {
    return '';
  }
  const [least, most] = text.trim().split(/\s+/).map(Number) as [number, number];
  if (port < least || port > most) return '';
  const range = `outgoing connections use ports ${least} to ${most}`;
  return `, perhaps by another program's client (${range}): reserve it in net.ipv4.ip_local_reserved_ports`;
}
