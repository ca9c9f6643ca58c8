// Faults and refusals, in two tables: the cause, and the text that the peer receives. A fault ends its own connection
// only. A refusal is an orderly reply of the cluster table. On the wire both are an Error message, after which the
// registry closes (E2).

/**
 * Faults of a peer, with the text it receives; `null` is the silent close (E1). All failures before a decoded message
 * look alike from outside. The code is a metric label, so this table bounds that label.
 */
export const FAULT_TEXT = {
  'hello-length': null,
  'hello-early-bytes': null,
  'hello-out-of-range': null,
  'hello-undecryptable': null,
  'hello-plaintext-length': null,
  'hello-timeout': null,
  'message-too-long': null,
  'message-undecodable': null,
  'message-timeout': null,
  'message-flood': null,
  'iv-repeated': null,
  'tag-out-of-range': 'message tag out of range',
  'message-of-registry': 'unexpected message type',
  'message-in-wrong-state': 'invalid msg type for current state',
  'salt-too-short': 'salt must be at least 8 bytes',
  'token-missing': 'nil XLRegMsg_Token argument',
  'name-invalid': 'invalid name',
  'node-id-length': 'bad length for nodeID',
  'rsa-key-invalid': 'bad RSA public key',
  'end-point-invalid': 'invalid endpoint',
  'signature-invalid': 'bad digital signature',
  'end-point-count-zero': 'cluster members must have at least one endPoint',
  'cluster-not-named': 'missing cluster name or ID',
} as const satisfies Record<string, string | null>;

/** A violation of the protocol by a peer. */
export type Fault = keyof typeof FAULT_TEXT;

/** Refusals of the cluster table or of the whole server, with the text that the client receives. */
export const REFUSAL_TEXT = {
  'client-unknown': 'client unknown, not in registry',
  'id-in-use': 'ID already in use',
  'cluster-name-unknown': 'cannot find cluster with this name',
  'cluster-id-unknown': 'cannot find cluster with this ID',
  'cluster-full': 'cluster is full',
  'member-name-in-use': 'cluster member name already in use',
  'one-end-point-needed': 'member must have at least 1 endPoints',
  'two-end-points-needed': 'member must have at least 2 endPoints',
  // The table has reached one of its limits.
  'registry-full': 'registry is full',
  // An address exceeds its rate of additions, or a client exceeds its cap (R4). The text is the same.
  'registrations-per-address': 'registry is full',
  'clusters-per-address': 'registry is full',
  'members-per-address': 'registry is full',
  'clusters-per-client': 'registry is full',
  'seats-per-client': 'registry is full',
  'cannot-store': 'registry cannot store',
  'shutting-down': 'server is shutting down',
} as const satisfies Record<string, string>;

/** A refusal; the peer is told why. */
export type Refusal = keyof typeof REFUSAL_TEXT;
