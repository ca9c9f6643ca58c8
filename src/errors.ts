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
  // Faults of the sealed dialect.
  'hello-dialect-off': null,
  'hello-mac-wrong': null,
  'hello-key-invalid': null,
  'frame-length': null,
  'frame-forged': null,
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
  'labels-invalid': 'invalid labels',
  'seal-key-invalid': 'bad seal key',
  'seq-invalid': 'bad seq',
  'signature-invalid': 'bad digital signature',
  'end-point-count-zero': 'cluster members must have at least one endPoint',
  'cluster-not-named': 'missing cluster name or ID',
  'join-tokens-invalid': 'bad join tokens',
} as const satisfies Record<string, string | null>;

/** A violation of the protocol by a peer. */
export type Fault = keyof typeof FAULT_TEXT;

/** Refusals of the cluster table or of the whole server, with the text that the client receives. */
export const REFUSAL_TEXT = {
  'client-unknown': 'client unknown, not in registry',
  'id-in-use': 'ID already in use',
  // The client has registered through the sealed dialect; the others are closed to its ID and its SigKey.
  'id-marked': 'ID already in use',
  'statement-older': 'statement is older than the one on record',
  'statement-differs': 'statement differs under the same seq',
  'cluster-name-unknown': 'cannot find cluster with this name',
  'cluster-id-unknown': 'cannot find cluster with this ID',
  'cluster-full': 'cluster is full',
  'member-name-in-use': 'cluster member name already in use',
  'one-end-point-needed': 'member must have at least 1 endPoints',
  'two-end-points-needed': 'member must have at least 2 endPoints',
  // Admission by join tokens (A).
  'join-token-needed': 'join token needed',
  'join-token-unknown': 'join token unknown',
  'join-token-expired': 'join token expired',
  'join-token-used-up': 'join token used up',
  'join-token-for-other': 'join token is for another name or role',
  // The RSA dialects cannot carry a token.
  'join-token-dialect': 'cluster admits by join token',
  'cluster-admits-differently': 'cluster admits differently',
  'not-owner': 'not the owner of this cluster',
  'member-replaced': 'member has been replaced',
  'too-many-join-tokens': 'too many join tokens',
  // The table has reached one of its limits.
  'registry-full': 'registry is full',
  // An address exceeds its rate of additions, or a client exceeds its cap (R4). The text is the same.
  'registrations-per-address': 'registry is full',
  'clusters-per-address': 'registry is full',
  'members-per-address': 'registry is full',
  'clusters-per-client': 'registry is full',
  'seats-per-client': 'registry is full',
  // W1 and W3.
  'too-many-moves': 'too many moves',
  'cluster-incomplete': 'cluster is not complete',
  'cannot-store': 'registry cannot store',
  'shutting-down': 'server is shutting down',
} as const satisfies Record<string, string>;

/**
 * Numbers of the errors that a peer is told in the sealed dialect, in the field Code (E7). They never change; a new
 * error gets the next one.
 */
export const ERROR_CODES: Readonly<Partial<Record<Fault | Refusal, number>>> = {
  'tag-out-of-range': 1,
  'message-of-registry': 2,
  'message-in-wrong-state': 3,
  'salt-too-short': 4,
  'token-missing': 5,
  'name-invalid': 6,
  'node-id-length': 7,
  'rsa-key-invalid': 8,
  'end-point-invalid': 9,
  'labels-invalid': 10,
  'seal-key-invalid': 11,
  'seq-invalid': 12,
  'signature-invalid': 13,
  'end-point-count-zero': 14,
  'cluster-not-named': 15,
  'client-unknown': 16,
  'id-in-use': 17,
  'id-marked': 17,
  'statement-older': 18,
  'statement-differs': 19,
  'cluster-name-unknown': 20,
  'cluster-id-unknown': 21,
  'cluster-full': 22,
  'member-name-in-use': 23,
  'one-end-point-needed': 24,
  'two-end-points-needed': 25,
  'registry-full': 26,
  'registrations-per-address': 27,
  'clusters-per-address': 27,
  'members-per-address': 27,
  'clusters-per-client': 28,
  'seats-per-client': 28,
  'cannot-store': 29,
  'shutting-down': 30,
  'too-many-moves': 50,
  'cluster-incomplete': 51,
  'join-token-needed': 31,
  'join-token-unknown': 32,
  'join-token-expired': 33,
  'join-token-used-up': 34,
  'join-token-for-other': 35,
  'join-token-dialect': 36,
  'cluster-admits-differently': 37,
  'not-owner': 38,
  'member-replaced': 39,
  'too-many-join-tokens': 40,
  'join-tokens-invalid': 41,
};

/** Milliseconds after which a retry is worthwhile; absent for an error that a retry does not change. */
export const RETRY_AFTER_MS: Readonly<Partial<Record<Fault | Refusal, number>>> = {
  // Somebody may create it. An ID does not come back.
  'cluster-name-unknown': 1_000,
  'registry-full': 60_000,
  'registrations-per-address': 1_000,
  'clusters-per-address': 1_000,
  'members-per-address': 1_000,
  'too-many-moves': 1_000,
  'cluster-incomplete': 1_000,
  'cannot-store': 1_000,
  'shutting-down': 1_000,
};

/** A refusal; the peer is told why. */
export type Refusal = keyof typeof REFUSAL_TEXT;
