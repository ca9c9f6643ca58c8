// Checks a member's own end points: rejects unusable ones, and warns of doubtful ones.
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { endPointFault } from '../client/end-point.ts';
import type { ClusterMember, Member } from '../client/index.ts';
import { TOKEN_END_POINTS_MAX } from '../limits.ts';
import { UsageError } from './client-flags.ts';

const WILDCARDS = ['0.0.0.0', '[::]', '[::ffff:0:0]'];

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Checks the values of --end-point. Throws UsageError. */
export function memberEndPoints(endPoints: readonly string[]): readonly string[] {
  if (endPoints.length === 0) throw new UsageError('--end-point is missing');
  if (endPoints.length > TOKEN_END_POINTS_MAX) {
    throw new UsageError(`--end-point can be given ${TOKEN_END_POINTS_MAX} times at most`);
  }
  for (const endPoint of endPoints) {
    const fault = endPointFault(endPoint);
    if (fault !== undefined) throw new UsageError(`--end-point: ${fault}`);
    if (WILDCARDS.includes(hostOf(endPoint))) {
      throw new UsageError(
        `--end-point: ${endPoint} is an address to listen on; give one that other members can reach`,
      );
    }
  }
  return endPoints;
}

/** Warnings about a member's end points, one a line. `address` is the end point at which the registry was reached. */
export function adviceOn(
  self: Pick<Member, 'id' | 'endPoints'>,
  address: string,
  members: readonly ClusterMember[],
): string[] {
  const away = !isLoopback(hostOf(address));
  const local = self.endPoints.filter((endPoint) => away && isLoopback(hostOf(endPoint)));
  const taken = self.endPoints.flatMap((endPoint) => {
    const other = members.find(({ id, endPoints }) => id !== self.id && endPoints.includes(endPoint));
    return other ? [`--end-point ${endPoint}: member ${other.index} has the same end point`] : [];
  });
  return [...local.map((endPoint) => `--end-point ${endPoint}: members on other machines cannot reach it`), ...taken];
}

/** The host of an end point or a WebSocket URL, in the normal form of URLs. */
function hostOf(address: string): string {
  const bare = address.replace(/^TcpEndPoint: /, '');
  const url = bare.includes('://') ? bare : `http://${bare}`;
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIPv4(bare)) return LOOPBACK.check(bare, 'ipv4');
  if (isIPv6(bare)) return LOOPBACK.check(bare, 'ipv6');
  return bare === 'localhost' || bare.endsWith('.localhost');
}
