// The JSON that each command prints with --json. Commands import types only: printJson() checks each value against its
// form when it compiles. `npm run reference` makes docs/reference/output.schema.json of these schemas, and a test runs
// each command against them. Keys are only ever added; a key that a form does not have fails the test.
import { z } from 'zod';
import { ROLES } from '../admin/roles.ts';

const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const id = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256');
const uint64 = z.string().regex(/^\d+$/).describe('64 bits, in decimal');
const count = z.int().min(0);
const milliseconds = z.number().min(0);
const fingerprint = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/)
  .describe('As ssh-keygen -l prints it');
const time = z.iso.datetime().describe('ISO 8601, UTC');
const size = z.int().min(2).max(64);
const index = z.int().min(0).max(63).describe('The seat');
const endPoint = z.string().describe('HOST:PORT; some have the prefix "TcpEndPoint: "');
const labels = z.record(z.string(), z.string());
const sshKey = z
  .string()
  .regex(/^ssh-rsa /)
  .describe('As in regCred.dat');

const member = z.strictObject({
  index,
  name: z.string(),
  id,
  attrs: uint64,
  endPoints: z.array(endPoint),
  commsKey: sshKey,
  sigKey: sshKey,
  verified: z.boolean().describe('True if the holder of sigKey has signed this entry, and nothing newer was seen'),
  unverified: z
    .enum(['none', 'bad', 'older', 'conflict', 'key-changed', 'stripped'])
    .optional()
    .describe('The reason if it is not verified. All but none are errors'),
  restored: z.literal(true).optional().describe('The statement is older than one seen before a restore: a warning'),
  seq: count.optional().describe('Rises with each statement. Present if it is verified, as are the next two'),
  labels: labels.optional(),
  sealKey: hex.optional().describe('X25519 key for streams'),
});

const roster = z.strictObject({
  cluster: z.string().optional().describe("The cluster's name; absent if the command was given its ID"),
  clusterId: id,
  size: size.optional().describe('Absent if an older registry does not tell it'),
  full: z
    .boolean()
    .optional()
    .describe('True if each seat is taken; absent if an older registry does not tell the size'),
  complete: z.boolean().optional().describe('Absent as full is'),
  epoch: count.optional().describe('0 until the cluster is complete; absent in the RSA dialects'),
  round: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional()
    .describe('Present, like the next two, while members confirm'),
  confirmed: z.array(index).max(64).optional().describe('Indexes of the members that have confirmed the round'),
  unconfirmed: z.array(z.string()).max(64).optional().describe('Names of those that have not'),
  members: z.array(member).max(64).describe('By ascending index'),
});

const joinToken = z.strictObject({
  hash: digest,
  uses: count,
  left: count.describe('Uses left'),
  ttlMs: milliseconds.optional().describe('Milliseconds until it expires, 0 if it has; absent if it does not expire'),
  forName: z.string().optional().describe('It admits a member of this name only'),
  replace: z.boolean().describe('Its Join takes the seat of that name'),
  observer: z.boolean().describe('It admits to xlreg members only'),
});
const joinTokenText = z.string().regex(/^xlj_/).describe('The token: a secret, which is not shown again');

const shape = z.strictObject({ size: z.int(), endPoints: z.int() });
const key = z.strictObject({ fingerprint, bits: count, ssh: sshKey });
const clusterName = z.string();

const clients = {
  create: z.strictObject({
    name: clusterName,
    clusterId: id,
    size,
    endPoints: count.describe('End points that each member must have'),
    confirmMs: milliseconds.optional().describe('The confirm time; absent if the registry does not tell it'),
    keep: z.literal(true).optional().describe('With --keep: the cluster stays without a member'),
    token: joinTokenText.optional(),
    asked: shape,
    asAsked: z.boolean().describe('False if the cluster existed with other properties, or they were corrected'),
  }),
  join: z.strictObject({
    name: z.string().describe('The own name'),
    id: id.describe('The own ID'),
    index,
    home: z.string().describe('The directory of the own keys'),
    ...roster.shape,
  }),
  leave: z.strictObject({ left: clusterName, name: z.string(), id }),
  members: roster,
  'token-add': z.strictObject({ cluster: clusterName, token: joinTokenText, ...joinToken.shape }),
  'token-list': z.strictObject({ cluster: clusterName, tokens: z.array(joinToken) }),
  'token-revoke': z.strictObject({ cluster: clusterName, revoked: digest }),
  verify: z.strictObject({
    registryId: id,
    clusterId: id,
    cluster: clusterName,
    size,
    term: count,
    epoch: count,
    time: time.describe('When the registry made it, on its clock'),
    digest,
    before: digest.describe('Of the roster body before; zeros if there is none'),
    restored: z.boolean().describe('True if the registry was restored from a backup since an epoch seen before'),
    members: z.array(member).max(64),
  }),
  regcred: z.strictObject({
    name: z.string(),
    id,
    commsKey: key,
    sigKey: key,
    endPoints: z.array(endPoint),
    version: z.string(),
  }),
  check: z.strictObject({
    name: z.string(),
    id,
    fingerprint,
    newFingerprint: fingerprint.nullable().describe('Of the next comms key, during a key rotation'),
    pinned: z.boolean().describe('True if --fingerprint was given'),
    dialect: z.enum(['sealed', 'prefixed', 'chained']),
    endPoints: z.array(
      z.strictObject({
        address: z.string(),
        state: z.enum(['ok', 'not reachable', 'wrong key', 'full', 'wrong key or full']),
        why: z.string().optional().describe('Present unless the state is ok'),
        version: z.string().optional(),
        helloMs: milliseconds.optional().describe('Milliseconds of connecting with the Hello'),
        roundTripMs: milliseconds.optional().describe('Milliseconds of one request'),
        newFingerprint: fingerprint.optional(),
      }),
    ),
  }),
};

const adminToken = z.strictObject({
  name: z.string(),
  role: z.enum(ROLES),
  created: time.nullable().describe('Null for the local token'),
  expires: time.nullable().describe('Null if it does not expire'),
  expired: z.boolean(),
});

const cluster = z.strictObject({
  id,
  name: clusterName,
  size,
  members: count,
  fill: z.enum(['empty', 'filling', 'full']),
  endPointCount: count,
  attrs: uint64,
  keep: z.boolean(),
  complete: z.boolean().describe('True if the cluster is complete, also after a member has left'),
  forming: z
    .strictObject({
      confirmMs: milliseconds,
      roundAgeMs: milliseconds.nullable().describe('Null before all have joined'),
      confirmed: count.describe('Members that have confirmed the round'),
    })
    .optional()
    .describe('Present until a cluster with a confirm time is complete'),
});

const session = z.strictObject({
  connection: z.int().min(1).describe('Its number, in order of arrival'),
  transport: z.enum(['tcp', 'ws']),
  address: z.string().optional(),
  dialect: z.enum(['sealed', 'prefixed', 'chained']).optional().describe('Absent before a good Hello'),
  clientId: id.optional().describe('Absent before the client has identified itself'),
  clientName: z.string().optional(),
  messages: count,
  ageMs: milliseconds,
  twin: z.literal(true).optional().describe('The ID is in use with different end points at once'),
});

const limits = z.strictObject({
  minutes: count.describe('Minutes that refused covers'),
  limits: z.array(
    z.strictObject({
      setting: z.string(),
      value: z.union([z.number(), z.string()]),
      use: z.number().nullable(),
      limits: z.array(z.string()).describe('Names of its refusals in metrics and log'),
      refused: count,
      refusedTotal: count,
    }),
  ),
  addresses: z.array(z.strictObject({ address: z.string(), refused: z.record(z.string(), count) })),
});

const running = {
  clusters: z.strictObject({ clusters: z.array(cluster), next: z.string().nullable().describe('For --cursor') }),
  evict: z.strictObject({ evicted: z.string() }),
  unmark: z.strictObject({ unmarked: z.string() }),
  delete: z.strictObject({ deleted: z.string() }),
  sessions: z.strictObject({ sessions: z.array(session), next: z.int().nullable().describe('For --cursor') }),
  limits,
  'admin-token-add': z.strictObject({
    name: z.string(),
    role: z.enum(ROLES),
    expires: time.nullable(),
    token: z.string().describe('The secret, which is not shown again'),
  }),
  'admin-token-list': z.strictObject({ tokens: z.array(adminToken) }),
  'admin-token-revoke': z.strictObject({ revoked: z.string() }),
  'admin-token-rotate': z.strictObject({ rotated: z.literal('local') }),
  drain: z.strictObject({ drained: z.string().describe('The URL of the admin port') }),
};

const counts = { clients: count, clusters: count, members: count };

/** A line of `xlreg export`: first the registry, then its records. */
const exported = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('registry'), registryId: id, term: count }),
  z.strictObject({
    kind: z.literal('client'),
    clientId: id,
    name: z.string(),
    ephemeral: z.boolean(),
    marked: z.literal(true).optional().describe('It has registered through the sealed dialect'),
    ...tokenFields(),
  }),
  z.strictObject({
    kind: z.literal('cluster'),
    id,
    name: clusterName,
    size,
    endPointCount: count,
    attrs: uint64,
    confirmMs: milliseconds.optional(),
    keep: z.literal(true).optional(),
    owner: digest.optional().describe("Of the creator's SigKey; present if the cluster admits by join tokens"),
  }),
  z.strictObject({
    kind: z.literal('member'),
    clusterId: id,
    index,
    clientId: id,
    name: z.string(),
    ...tokenFields(),
  }),
  z.strictObject({ kind: z.literal('entry'), clusterId: id, key: hex, value: z.string().regex(/^([0-9a-f]{2})*$/) }),
]);

/** The fields of a token. A member that has the registration of its client has none. */
function tokenFields() {
  return {
    attrs: uint64.optional(),
    commsKey: hex.optional().describe('SPKI DER'),
    sigKey: hex.optional().describe('SPKI DER'),
    endPoints: z.array(endPoint).optional(),
    sealKey: z.string().optional().describe('Present with a statement, as are the next three'),
    seq: uint64.optional(),
    statement: hex.optional(),
    labels: z.string().optional(),
  };
}

const files = {
  'audit-verify': z.strictObject({
    sound: z.boolean(),
    lines: count.describe('Sound lines, up to the first wrong one'),
    files: count,
    first: count.optional().describe('The number of the first line'),
    last: z.strictObject({ sequence: count, hash: digest }).optional().describe('The last sound line'),
    lost: count.describe('Lines that the log itself reports as lost'),
    torn: count.describe('Lines that the log itself reports as torn by a crash'),
    problem: z.string().nullable(),
  }),
  keys: z.strictObject({ current: fingerprint, previous: fingerprint.nullable() }),
  'config-show': z.strictObject({
    file: z.string().nullable().describe('The configuration file'),
    settings: z.record(
      z.string(),
      z.strictObject({
        value: z.unknown().describe('As given, or the default; null if there is none or it is not shown'),
        source: z.enum(['flag', 'environment', 'file', 'default']),
        from: z.string(),
      }),
    ),
    faults: z.array(z.string()),
  }),
  'config-check': z.strictObject({ sound: z.boolean(), faults: z.array(z.string()), notes: z.array(z.string()) }),
  backup: z.strictObject({ directory: z.string(), ...counts }),
  restore: z.strictObject({ directory: z.string(), ...counts }),
  'store-verify': z.strictObject({ directory: z.string(), ...counts }),
  'store-copy': z.strictObject({
    from: z.string(),
    to: z.string(),
    ...counts,
    digest: digest.describe('SHA-256 of the records of both'),
    advice: z.string().nullable().describe('A step that a server needs before it can use the copy'),
  }),
  export: exported,
};

/** The last line of stderr if a command with --json ends with another exit code than 0. */
const error = z.strictObject({
  error: z.strictObject({
    code: z
      .string()
      .regex(/^[A-Z0-9]+(_[A-Z0-9]+)*$/)
      .describe('A word for programs, which never changes'),
    message: z.string().describe('For people; it may change'),
    retryable: z.boolean().describe('True if the same command may succeed later'),
    exitCode: z.int().min(1).max(255),
  }),
});

/** The form of each command's object, by the command's words. */
export const JSON_FORMS = { ...clients, ...running, ...files, error };

/** Forms that are part of others. */
export const PARTS = { member, joinToken, cluster, session };

/** A command's words, joined by `-`. */
export type FormName = keyof typeof JSON_FORMS;

/** A value of a form. */
export type JsonForm<Name extends FormName> = Fixed<z.input<(typeof JSON_FORMS)[Name]>>;

/** A value whose parts cannot be changed, as commands have them. */
type Fixed<T> = T extends object ? { readonly [Key in keyof T]: Fixed<T[Key]> } : T;
