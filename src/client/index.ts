// Public API of the client library, `xlreg/client`. Begin with joinCluster(), or with connect() for single requests.

export type { SessionDialect } from '../wire/hello.ts';
export { parseRegCred, type RegCred, RegCredError } from '../wire/reg-cred.ts';
export { keyFingerprint } from '../wire/rsa-key.ts';
export type { RefusalCode, XlRegErrorOptions } from '../xlreg-error.ts';
export { type BegunSession, beginSession } from './begin-session.ts';
export type { ClusterMember, ClusterProperties, ClusterRef, ClusterSpec, Roster, UnverifiedReason } from './cluster.ts';
export { type ConnectOptions, connect } from './connect.ts';
export { ClusterDiffers } from './create-message.ts';
export type { Credentials } from './credentials.ts';
export type { CredentialsSource } from './credentials-source.ts';
export { type EndPoint, parseEndPoint } from './end-point.ts';
export {
  ClockFault,
  CredentialsMissing,
  EndPointUnknown,
  MemberHomeError,
  NoLongerMember,
  ProtocolError,
  type RefusalDetails,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  SessionCut,
  XlRegError,
  type XlRegErrorCode,
} from './errors.ts';
export { type FetchRegCredOptions, fetchRegCred } from './fetch-reg-cred.ts';
export { acceptSigKey, assertHomeAllows, forgetSealed } from './home-notes.ts';
export type { IdentifyBy } from './identity-message.ts';
export { ClusterClosed, ClusterIncomplete, type Missing } from './join/cluster-errors.ts';
export type { ClusterEvent, ClusterState } from './join/cluster-events.ts';
export { type IdentityStore, MemoryStore } from './join/identity-store.ts';
export { joinCluster } from './join/join-cluster.ts';
export type { JoinClusterOptions } from './join/join-options.ts';
export type { Cluster } from './join/joined-cluster.ts';
export type { RegistryOptions } from './join/registry-access.ts';
export { hashJoinToken, type JoinTokenState } from './join-token.ts';
export { createJoinToken, type JoinTokenSpec } from './join-token-text.ts';
export { createMember, createVisitor, type Labels, type Member, type MemberSpec } from './member.ts';
export { loadMember, openMember, saveMember } from './member-home.ts';
export type { ClusterMemory, MemberMemory, RegistryMemory, SeenMember, SignedStatement } from './memory.ts';
export type { PromptGenerator } from './prompt-end.ts';
export type { ClientIdentity, FetchedRoster, RegistrySession } from './registry-session.ts';
export type { ChangesRequest, KnownRoster, RosterChanges } from './roster-changes.ts';
export { RosterFolder } from './roster-folder.ts';
export {
  type RosterMemory,
  type SavedRoster,
  SavedRosterError,
  type SavedRosterFault,
  type SeenRoster,
  verifySavedRoster,
} from './saved-roster.ts';
export type { MemberStream } from './streams/member-stream.ts';
export type { DialOptions, MemberStreams, StreamEvents } from './streams/member-streams.ts';
export { type OpenStreamsOptions, openStreams } from './streams/open-streams.ts';
export type { StreamPeer } from './streams/peer-directory.ts';
export { PeerRemoved, type RefusedBecause, StreamCut, StreamRefused } from './streams/stream-error.ts';
export type { TransportName } from './target.ts';
export type { MemberWatch } from './watch.ts';
export { type OpenSession, type WatchClusterOptions, watchCluster } from './watch-cluster.ts';
export type { WatchOptions } from './watch-members.ts';
