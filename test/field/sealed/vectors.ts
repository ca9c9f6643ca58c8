// The shape of test/vectors/sealed/sealed.json. Bytes are hexadecimal; uint64 are decimal strings.

/** A token's fields. */
export interface VectorToken {
  readonly name: string;
  readonly attrs: string;
  readonly id: string;
  readonly commsKey: string;
  readonly sigKey: string;
  readonly myEnds: string[];
  readonly sealKey: string | null;
  readonly seq: string;
  readonly labels: string;
}

/** A token with what its member signs. */
export interface VectorStatement {
  readonly case: string;
  readonly token: VectorToken;
  readonly statementBytes: string;
  readonly statementSha256: string;
  readonly statement: string;
  readonly clientProofBytes: string;
  readonly clientProof: string;
  readonly returnProofBytes: string;
  readonly returnProof: string;
}

/** A frame of a stream; `key` is the direction's key at this counter. */
export interface VectorFrame {
  readonly n: number;
  readonly type: number;
  readonly data: string;
  readonly wire: string;
  readonly key: string;
}

/** The file, by sections of the dialect. */
export interface Vectors {
  readonly hello: {
    readonly skPkcs8: string;
    readonly registryId: string;
    readonly clientEphemeralSecret: string;
    readonly mac1Key: string;
    readonly mac1: string;
    readonly hello: string;
  };
  readonly reply: {
    readonly registryStaticSecret: string;
    readonly registryStaticPublic: string;
    readonly registryEphemeralSecret: string;
    readonly flags: number;
    readonly notBefore: number;
    readonly notAfter: number;
    readonly maxMessage: number;
    readonly maxWaitMs: number;
    readonly sealCert: string;
    readonly message2: string;
    readonly handshakeHash: string;
  };
  readonly transport: {
    readonly clientSends: string;
    readonly clientReceives: string;
    /** A long message is `count` times `byte`, and its frames are told by their hash. */
    readonly messages: readonly {
      readonly from: 'client' | 'registry';
      readonly frames: number[];
      readonly message?: string;
      readonly byte?: number;
      readonly count?: number;
      readonly wireOnTcp?: string;
      readonly wireSha256?: string;
    }[];
  };
  readonly statements: {
    readonly registryId: string;
    readonly handshakeHash: string;
    readonly tokens: readonly VectorStatement[];
    readonly labels: { readonly good: string[]; readonly bad: string[] };
  };
  readonly rosters: {
    readonly entries: readonly {
      readonly case: string;
      readonly changes: Partial<VectorToken> & { readonly statement?: string | null };
      readonly verified: boolean;
    }[];
  };
  readonly stream: {
    readonly prologue: string;
    readonly initiatorId: string;
    readonly initiatorStaticSecret: string;
    readonly initiatorEphemeralSecret: string;
    readonly responderStaticSecret: string;
    readonly responderEphemeralSecret: string;
    readonly message1OnWire: string;
    readonly message2OnWire: string;
    readonly handshakeHash: string;
    readonly fromInitiator: readonly VectorFrame[];
    readonly fromResponder: readonly VectorFrame[];
  };
}
