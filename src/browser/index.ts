// Public API of `xlreg/browser`: the sealed dialect over WebSocket with WebCrypto. Needs a secure context: https, or
// localhost. One ES module after the build, without dependencies.
export {
  ClockFault,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  XlRegError,
  type XlRegErrorCode,
} from '../client/errors.ts';
export { type Member, type MemberSpec, openMember } from './member.ts';
export { parseRegCred, type RegCred } from './reg-cred.ts';
export type { ClusterMember, Roster, UnverifiedReason } from './roster.ts';
export { type ClusterProperties, type ConnectOptions, connect, type RegistrySession } from './session.ts';
export { IndexedDbStore, type MemberStore, TransientStore } from './store.ts';
