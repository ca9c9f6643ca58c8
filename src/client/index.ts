// Public API of the client library, `xlreg/client`. Begin with connect() and a registry's credentials.
export { parseRegCred, type RegCred, RegCredError } from '../wire/reg-cred.ts';
export { type BegunSession, beginSession } from './begin-session.ts';
export type { ClusterMember, ClusterProperties, ClusterRef, ClusterSpec, Roster } from './cluster.ts';
export { type ConnectOptions, connect } from './connect.ts';
export type { Credentials } from './credentials.ts';
export {
  MemberHomeError,
  NoLongerMember,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  XlRegError,
} from './errors.ts';
export { createMember, createVisitor, type Member, type MemberSpec } from './member.ts';
export { loadMember, openMember, saveMember } from './member-home.ts';
export type { ClientIdentity, RegistrySession } from './registry-session.ts';
export type { TransportName } from './target.ts';
export { type OpenSession, type WatchClusterOptions, watchCluster } from './watch-cluster.ts';
export type { WatchOptions } from './watch-members.ts';
