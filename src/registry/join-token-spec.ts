// Join tokens in commands and replies: what a message brings, and what describes a token (A1, A3).
/** The claim of a message to be admitted to a cluster (A3). */
export interface AdmissionClaim {
  /** SHA-256 of the join token, hex; empty if it has a wrong length. Undefined if the message has none. */
  readonly token?: string | undefined;
  /** Milliseconds since 1970 at the worker, for expiries. */
  readonly time: number;
}

/** A join token as a message describes it (A1). */
export interface TokenSpec {
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  /** 1 to JOIN_TOKEN_USES_MAX; undefined for the cluster's size. */
  readonly uses?: number | undefined;
  /** Milliseconds until it expires; 0 if it does not. */
  readonly ttlMs: number;
  /** Admits only a member of this name. */
  readonly forName?: string | undefined;
  /** With `forName`: a Join takes the seat of that name. */
  readonly replace?: true | undefined;
  /** Admits to GetCluster only. */
  readonly observer?: true | undefined;
}

/** A join token of a cluster, with what is left of it. */
export interface TokenState extends Omit<TokenSpec, 'ttlMs'> {
  readonly uses: number;
  readonly left: number;
  /** Milliseconds until it expires, 0 if it has; undefined if it does not. */
  readonly ttlMs?: number | undefined;
}
