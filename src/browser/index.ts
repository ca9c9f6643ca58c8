// Public API of `xlreg/browser`: the sealed dialect over WebSocket with WebCrypto. Needs a secure context: https, or
// localhost. One ES module after the build, without dependencies.
export {
  ClockFault,
  NoLongerMember,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  XlRegError,
  type XlRegErrorCode,
} from '../client/errors.ts';
export { createJoinToken, type JoinTokenSpec } from '../client/join-token-text.ts';
export { type Member, type MemberSpec, openMember } from './member.ts';
export type { Token } from './messages.ts';
export { parseRegCred, type RegCred } from './reg-cred.ts';
export type { ClusterMember, Roster, UnverifiedReason } from './roster.ts';
export { type SavedRoster, SavedRosterError, verifySavedRoster } from './saved-roster.ts';
export {
  type ClusterProperties,
  type ClusterSpec,
  type ConnectOptions,
  connect,
  type RegistrySession,
} from './session.ts';
export { IndexedDbStore, type MemberKeys, type MemberStore, TransientStore } from './store.ts';
export type { WatchOptions } from './watch.ts';
