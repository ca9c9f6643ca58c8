// What can go wrong between the registry and a peer, as two tables: which fault or refusal it was, and what the peer
// hears. A fault ends its own connection only. A refusal is an orderly answer of the cluster table; on the wire both
// are an Error message, after which the registry closes (rule E2).

/**
 * What a peer did wrong, with the text it is told; `null` is the silent close (rule E1): whatever fails before a message
 * is decoded looks the same from outside. The code is a metric label, so this table is also the bound of that label.
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

/** Why the cluster table, or the server as a whole, does not do what was asked, with the text the client is told. */
export const REFUSAL_TEXT = {
  'client-unknown': 'client unknown, not in registry',
  'id-in-use': 'ID already in use',
  'cluster-name-unknown': 'cannot find cluster with this name',
  'cluster-id-unknown': 'cannot find cluster with this ID',
  'cluster-full': 'cluster is full',
  'member-name-in-use': 'cluster member name already in use',
  'one-end-point-needed': 'member must have at least 1 endPoints',
  'two-end-points-needed': 'member must have at least 2 endPoints',
  // The table is at one of its own limits.
  'registry-full': 'registry is full',
  // What one address adds to the table is over its rate, or what one client has is over its cap (R4): the text is the same.
  'registrations-per-address': 'registry is full',
  'clusters-per-address': 'registry is full',
  'members-per-address': 'registry is full',
  'clusters-per-client': 'registry is full',
  'seats-per-client': 'registry is full',
  'cannot-store': 'registry cannot store',
  'shutting-down': 'server is shutting down',
} as const satisfies Record<string, string>;

/** An orderly "no". */
export type Refusal = keyof typeof REFUSAL_TEXT;
