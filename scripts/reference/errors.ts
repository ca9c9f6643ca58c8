// docs/reference/errors.md. The types hold it complete: a code without a meaning does not compile.
import { mayAlwaysPass, REMEDIES, refusalCode } from '../../src/client/refusal-codes.ts';
import { ERROR_CODES, FAULT_TEXT, REFUSAL_TEXT } from '../../src/errors.ts';
import type { RefusalCode, XlRegErrorCode } from '../../src/xlreg-error.ts';
import { code, GENERATED, table } from './markdown.ts';

/** A cause with its remedy, the error's class, and whether a retry may help. */
interface Meaning {
  readonly class: string;
  readonly retryable: 'yes' | 'no';
  readonly cause: string;
}

type LocalCode = Exclude<XlRegErrorCode, RefusalCode>;

const way = (cause: string, name = 'RegistryUnreachable'): Meaning => ({ class: name, retryable: 'yes', cause });
const final = (name: string, cause: string): Meaning => ({ class: name, retryable: 'no', cause });

const LOCAL: Readonly<Record<LocalCode, Meaning>> = {
  UNREACHABLE: way('No server could be reached, or the connection was lost. Wait, or correct the address.'),
  NO_ANSWER: way('A server did not reply in time. Wait, or give a longer `timeoutMs`.'),
  SESSION_CUT: way('A sealed session ended without Ack or Error: its server died, or somebody on the path cut it.'),
  UNREACHABLE_OR_CHANGED: way(
    'The Hello met a silent close, and nothing tells why: a limit turned the client away, the registry has other keys, or it does not know the dialect.',
  ),
  REGISTRY_CHANGED: final(
    'RegistryUntrusted, MemberHomeError',
    'The registry has another ID or key than these credentials or this member know. Ask its operator for new credentials.',
  ),
  REGISTRY_UNTRUSTED: final(
    'RegistryUntrusted',
    'The other side does not hold the keys of the credentials, or its web port sent no credentials.',
  ),
  FINGERPRINT_MISMATCH: final('RegistryUntrusted', 'The credentials have another key than the pinned one.'),
  CLOCK_WRONG: final('ClockFault', "The clock here or the registry's is wrong. The message shows both."),
  PROTOCOL_VIOLATED: final('ProtocolError', 'The registry violated the protocol.'),
  CREDENTIALS_INVALID: final('RegCredError', 'The text is no regCred.dat. The message names the line.'),
  CREDENTIALS_MISSING: way(
    'The file of credentials does not exist yet, or is empty. One that cannot be read has this code, too, and is not retryable.',
    'CredentialsMissing',
  ),
  CREDENTIALS_URL_WRONG: final(
    'RegistryUnreachable',
    'A server answers at the URL of the credentials, with a status such as 404. The message has both. A status from 500 on is `UNREACHABLE`.',
  ),
  HOME_UNUSABLE: final(
    'MemberHomeError',
    'A file of the member home is unreadable, damaged, or open to other users. The message names it.',
  ),
  HOME_LOCKED: way('Another process uses the identity store. End it, or give each process a store.', 'MemberHomeError'),
  HOME_OF_ANOTHER_MEMBER: final('MemberHomeError', 'The identity store holds a member of another name.'),
  DIALECT_FORBIDDEN: final(
    'MemberHomeError',
    'The member may not use this dialect: it is marked as sealed, or its key is too small for `sealed`.',
  ),
  END_POINT_UNKNOWN: final('EndPointUnknown', 'No address can replace an `auto:` end point.'),
  MEMBERSHIP_LOST: final(
    'NoLongerMember',
    'The member has no seat: it left or was evicted, or the cluster is gone. Join again if that is wanted.',
  ),
  MEMBERSHIP_REPLACED: final(
    'NoLongerMember',
    'Another registration has taken the seat by a replacement token. This identity stays out for ever.',
  ),
  CLUSTER_INCOMPLETE: way(
    'The deadline of joinCluster() passed. The error has the roster so far, the missing seats and names, and the last failure.',
    'ClusterIncomplete',
  ),
  CLUSTER_CLOSED: final('ClusterClosed', 'The Cluster has been closed, or has left.'),
  CLUSTER_DIFFERS: final('ClusterDiffers', 'A cluster of this name has another size. The error has the cluster.'),
  ROSTER_FORMAT: final('SavedRosterError', 'The bytes are no saved roster.'),
  ROSTER_OF_ANOTHER: final('SavedRosterError', 'The roster is of another registry or cluster.'),
  ROSTER_SIGNATURE: final('SavedRosterError', 'The registry has not signed the roster.'),
  ROSTER_MEMBERS: final('SavedRosterError', 'The members are not those of the signed body.'),
  ROSTER_OLDER: final('SavedRosterError', 'A later roster of this cluster has been seen.'),
  ROSTER_DIFFERS: final('SavedRosterError', 'Another roster of the same term and epoch has been seen.'),
  ROSTER_MEMORY: final('SavedRosterError', 'The memory of rosters cannot be read or written.'),
  STREAM_PEER: way('The roster forbids the stream: the peer is no verified member, or takes none.', 'StreamRefused'),
  STREAM_UNREACHABLE: way('No end point of the peer accepts connections.', 'StreamRefused'),
  STREAM_HANDSHAKE: way('The peer closed during the handshake, or is another one.', 'StreamRefused'),
  STREAMS_CLOSED: final('StreamRefused', 'The streams are closed, or as many as allowed are open.'),
  STREAM_CUT: way('A stream ended without its end mark: bytes may be missing.', 'StreamCut'),
  STREAM_PEER_REMOVED: final('PeerRemoved', 'The peer is no longer the verified member of before.'),
};

/** Causes of refusals, for people; the library has the remedies. */
const REFUSALS: Readonly<Record<RefusalCode, string>> = {
  REFUSED: 'A text that this library does not know, as other registries may send.',
  REFUSED_REQUEST_INVALID: 'The registry found the request invalid. This library checks its own requests first.',
  REFUSED_CLIENT_UNKNOWN: 'No registration has this ID.',
  REFUSED_ID_IN_USE: 'Another key holds this ID, or it is registered through `sealed`.',
  REFUSED_STATEMENT_OLDER:
    'The registry has a newer statement of this member, from a clock that is ahead or a copy of its home.',
  REFUSED_STATEMENT_DIFFERS: 'The registry has another statement under this seq.',
  REFUSED_CLUSTER_UNKNOWN: 'No cluster has this name or ID. joinCluster() waits for one of this name.',
  REFUSED_CLUSTER_FULL: 'Every seat is taken. While the cluster is not complete, one may become free.',
  REFUSED_NAME_IN_USE: 'Another identity holds this member name.',
  REFUSED_END_POINTS_NEEDED: 'The cluster asks for more end points of each member.',
  REFUSED_REGISTRY_FULL: 'The registry is at a limit. The RSA dialects tell this for the next two, too.',
  REFUSED_ADDRESS_LIMIT: 'This address has added too much to the registry lately.',
  REFUSED_CLIENT_LIMIT: 'This client has as many clusters or seats as it may have.',
  REFUSED_CANNOT_STORE: "The registry's store is full or away.",
  REFUSED_SHUTTING_DOWN: 'This server stops.',
  REFUSED_TOKEN_NEEDED: 'The cluster admits by join token only.',
  REFUSED_TOKEN_UNKNOWN: 'The cluster has no such join token.',
  REFUSED_TOKEN_EXPIRED: 'The join token has expired.',
  REFUSED_TOKEN_USED_UP: 'Each use of the join token is burnt. While the cluster forms, a round may give one back.',
  REFUSED_TOKEN_FOR_OTHER: 'The join token is for another name or role.',
  REFUSED_TOKEN_DIALECT: 'The cluster admits by join token, which the RSA dialects cannot carry.',
  REFUSED_ADMITS_DIFFERENTLY: 'The cluster was made with other join tokens.',
  REFUSED_NOT_OWNER: 'Only the creator may change join tokens.',
  REFUSED_MEMBER_REPLACED: 'Another registration has taken the seat by a replacement token.',
  REFUSED_TOO_MANY_TOKENS: 'The cluster has as many join tokens as it may have.',
  REFUSED_TOO_MANY_MOVES: 'A member may move once a second.',
  REFUSED_CLUSTER_INCOMPLETE: 'There is no roster to save yet.',
};

const HEAD = `# Errors of the client library

${GENERATED}

Each error of \`xlreg/client\` is an \`XlRegError\`. Its \`code\` names a cause that a program may act on,
\`cause\` is the error behind it. \`retryable\` is true if the same call can succeed later although its
caller changes nothing. \`remedy\`, where there is one, says what to do next; elsewhere the message
says what failed. Message and remedy are for people and may change; a code does not. Two kinds of
failure have no code: an argument that breaks its contract is a \`TypeError\`, and an aborted call rejects with the
reason of its signal.
`;

const REFUSED = `
## Refusals of the registry

The class is \`RegistryRefused\`. Its \`text\` is the registry's own, its \`remedy\` the one below, which
the command line prints, too. In \`sealed\` the registry sends the number, and says of some refusals
that they pass: those have "at times". The RSA dialects have the text only; the code follows from it.
`;

export function errorsPage(): string {
  const local = Object.entries(LOCAL).map(([name, { class: of, retryable, cause }]) => [
    ...[code(name), of.split(', ').map(code).join(', '), retryable, cause],
  ]);
  const refusals = Object.entries(REFUSALS).map(([name, cause]) => [
    ...[code(name), numbersOf(name).join(', '), textsOf(name).map(code).join(', ')],
    ...[passingOf(name as RefusalCode), cause, REMEDIES[name as RefusalCode] ?? ''],
  ]);
  const own = table(['code', 'class', 'retryable', 'cause and remedy'], local);
  return `${HEAD}\n${own}${REFUSED}\n${table(['code', 'number', 'text', 'retryable', 'cause', 'remedy'], refusals)}`;
}

/** Refusals that pass while a cluster forms, as the registry then says (Q8, A6). */
const OF_FORMING: readonly RefusalCode[] = ['REFUSED_CLUSTER_FULL', 'REFUSED_NAME_IN_USE', 'REFUSED_TOKEN_USED_UP'];

function passingOf(name: RefusalCode): string {
  const passing = numbersOf(name).map((number) => mayAlwaysPass('', number));
  if (passing.length > 0 && !passing.includes(false)) return 'yes';
  if (name === 'REFUSED_CLUSTER_UNKNOWN') return 'by name';
  return OF_FORMING.includes(name) ? 'at times' : 'no';
}

/** The numbers that make a code, ascending. */
function numbersOf(name: string): number[] {
  const numbers = [...new Set(Object.values(ERROR_CODES))].sort((one, other) => one - other);
  return numbers.filter((number) => refusalCode('', number) === name);
}

/** The texts that make a code; for invalid requests there are many, which the protocol lists. */
function textsOf(name: string): string[] {
  if (name === 'REFUSED_REQUEST_INVALID') return [];
  const texts = new Set([...Object.values(FAULT_TEXT), ...Object.values(REFUSAL_TEXT)].filter((text) => text !== null));
  return [...texts].filter((text) => refusalCode(text, undefined) === name);
}
