// Replaces `auto:PORT` end points by the address that the registry sees.
import type { SessionDialect } from '../wire/hello.ts';
import type { Credentials } from './credentials.ts';
import { EndPointUnknown } from './errors.ts';
import type { Member } from './member.ts';

const AUTO = 'auto:';
const LOOPBACK = /^(127\.|::1$)/;

/** True if the address stands for the one that the registry sees. */
export function isAuto(endPoint: string): boolean {
  return endPoint.startsWith(AUTO);
}

/**
 * Returns the member with real end points; asks the registry only if it has `auto:` ones. Rejects with EndPointUnknown in
 * an RSA dialect, and if the registry sees no address that others can reach.
 */
export async function withObservedAddress(
  member: Member,
  dialect: SessionDialect,
  ask: () => Promise<Credentials>,
): Promise<Member> {
  if (!member.endPoints.some(isAuto)) return member;
  if (dialect !== 'sealed') {
    throw new EndPointUnknown(`an end point auto:PORT needs the dialect sealed, not ${dialect}`);
  }
  const { observedAddress } = await ask();
  if (observedAddress === undefined) throw new EndPointUnknown('the registry does not tell the address it sees');
  const address = observedAddress.replace(/^::ffff:(?=[\d.]+$)/i, '');
  if (LOOPBACK.test(address)) {
    throw new EndPointUnknown(
      `the registry sees this member at ${address}, which others cannot reach: name the address`,
    );
  }
  const host = address.includes(':') ? `[${address}]` : address;
  const endPoints = member.endPoints.map((end) => (isAuto(end) ? `${host}:${end.slice(AUTO.length)}` : end));
  return { ...member, endPoints };
}
