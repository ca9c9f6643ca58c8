// Bounds of the protocol and of the server's own queues, each with its reason. Imports nothing.

/** AES block size; messages are padded to whole blocks (F2). */
export const BLOCK_BYTES = 16;

/** Bytes of a client message on the wire, IV and padding included. Field clients use a buffer of this size (F4). */
export const MESSAGE_BYTES_MAX = 16_384;

/** Bytes of a reply over TCP. Field clients read into a buffer of this size (R9). */
export const REPLY_BYTES_MAX = 16_384;

/** Minimum of `--reply-bytes-max`. A single member is sent even if it does not fit. */
export const REPLY_BYTES_MIN = 512;

/** Members of a cluster (R2). `Which` has one bit for each. */
export const CLUSTER_SIZE_MIN = 2;
export const CLUSTER_SIZE_MAX = 64;

/** Bounds of a cluster's confirm time that is not 0, in milliseconds (Q1). */
export const CONFIRM_MS_MIN = 15_000;
export const CONFIRM_MS_MAX = 3_600_000;
/**
 * Roster bodies asked for lately, which cost an address nothing (W3). Half of the signatures that a worker keeps: while
 * a body is among them, at most as many older and as many newer ones can enter a worker's memory.
 */
export const ROSTERS_ASKED_MAX = 512;

/** The confirm time that the library asks for in the sealed dialect, in milliseconds. The command line asks for none. */
export const CONFIRM_MS_DEFAULT = 30_000;

/** Interval of the marks that age rounds, and the time in which one has to be back, in milliseconds (Q7). */
export const MARK_MS = 1_000;

/** Bytes of an entry's key: its type, then up to two SHA-256 and an index. */
export const ENTRY_KEY_BYTES_MAX = 66;

/** Bytes of an entry's value: the largest roster of an epoch needs some 10,000. */
export const ENTRY_VALUE_BYTES_MAX = 16_384;

/** Entries of a cluster. Whoever makes a change that adds one enforces this bound; stores and replay do not. */
export const ENTRIES_PER_CLUSTER_MAX = 8_192;

/** Join tokens that one message adds: a transaction of etcd has room for these and for the removal of as many. */
export const JOIN_TOKENS_ADDED_MAX = 24;

/** Join tokens of a cluster, uses of one, and its bytes (A1). */
export const JOIN_TOKENS_PER_CLUSTER_MAX = 64;
export const JOIN_TOKEN_USES_MAX = 1_024;
export const JOIN_TOKEN_BYTES_MIN = 16;
export const JOIN_TOKEN_BYTES_MAX = 64;

/** Milliseconds that a join token may be valid: ten years. A longer time is cut. */
export const JOIN_TOKEN_TTL_MS_MAX = 315_360_000_000;

/** Replaced registrations that a cluster keeps out (A5); beyond it the oldest one goes. */
export const FENCES_PER_CLUSTER_MAX = 64;

/** End points that a cluster may require of each member (R3). */
export const CLUSTER_END_POINTS_MAX = 2;

/** End points of a token (T5). */
export const TOKEN_END_POINTS_MAX = 4;

/** Characters of an end point, with its `TcpEndPoint: ` prefix (T5). */
export const END_POINT_CHARS_MAX = 255;

/** Characters of a name (T2). */
export const NAME_CHARS_MAX = 128;

/** Bits of RSA moduli (T4). Old vectors use 1024. Above 4096, a verification costs enough to be an attack. */
export const RSA_BITS_MIN = 1024;
export const RSA_BITS_MAX = 4096;

/** Bytes of an ID. The registry assigns 32 and also accepts 20 (K2). */
export const ID_BYTES = 32;
export const ID_BYTES_OLD = 20;

/** Bytes of a History (V1), and of a round (Q3). */
export const HISTORY_BYTES = 8;
export const ROUND_BYTES = 8;

/** Unknown fields of one message, in all (M5): room for later versions, none for a flood. */
export const UNKNOWN_FIELDS_MAX = 16;

/** Tokens of a message, and end points of a token. Bytes with more are not decoded as a message (M6). */
export const REPEATED_FIELDS_MAX = 64;

/** Unserved frames of one WebSocket behind the one in work (F7). The protocol is lock-step, so one is usual. */
export const WAITING_FRAMES_MAX = 16;

/**
 * TCP segments of one Hello or message that are read without a pause (F11). A message of maximum size takes 12 on most
 * links. After these segments the socket pauses for SEGMENT_WAIT of the time since the first one. The pause is at most
 * the same share of the time to the deadline. A message that takes its full 5 s then costs about 130 reads, in any
 * number of segments.
 */
export const SEGMENTS_AT_ONCE = 16;
export const SEGMENT_WAIT = 1 / 4;

/** Segments after a pause: one read before it began, and one with all that the kernel has buffered. */
export const SEGMENTS_OF_A_WAKE = 2;

/** Messages of one session. Bounds the memory for its IVs: two of up to 32 bytes a message, 4 MiB in all (F6). */
export const SESSION_MESSAGES_MAX = 65_536;

/** Connections in all (`--max-connections`). */
export const CONNECTIONS_MAX = 1_000_000;

/** Front ends (`--fronts`). With three to five of them the coordinator is full first (docs/explanation/capacity.md). */
export const FRONTS_MAX = 16;

/** Lines of the log that the thread of a front end gathers for 20 ms at most. More leave at once. */
export const FRONT_LOG_LINES_MAX = 256;

/** Workers of the pool (`--workers`). Each needs a hazard word of the roster cache. */
export const WORKERS_MAX = 256;

/** Slots of a worker channel; a power of two. Enough that one unpark serves many jobs, few enough for a short queue. */
export const SLOTS_PER_WORKER = 64;

/**
 * Hellos among these jobs: one in work, the others queued so that the worker never idles. Later Hellos stay in the
 * pool, where a closed connection can still cancel its own.
 */
export const HELLOS_PER_WORKER = 4;

/** Session messages waiting for the pool, one a connection at most. Without room, the connection is closed. */
export const WAITING_SESSION_FRAMES_MAX = 65_536;

/**
 * Estimated milliseconds of one Hello until the first is measured. `--hello-queue-ms` bounds waiting Hellos by time of
 * work.
 */
export const HELLO_MILLISECONDS = 0.4;

/** Commands of one batch. All replies of a batch leave together, so a smaller batch replies sooner. */
export const BATCH_COMMANDS_MAX = 1_024;

/**
 * Milliseconds from a command's arrival at the coordinator to the reply that a shared store cannot store. E5 allows 2
 * s; the rest is for the way to the coordinator and back.
 */
export const SHARED_STORE_ANSWER_MS = 1_900;

/** Conflicts that one command may lose before its client is told `registry cannot store`. */
export const COMMIT_ATTEMPTS_MAX = 8;

/** Bytes of regCred.dat that are read (C5). 4096-bit keys and hundreds of end points fit; parsing takes 10 ms. */
export const REG_CRED_BYTES_MAX = 65_536;

/** End points of one etcd: it has 7 servers at most, and two more allow for load balancers. */
export const ETCD_END_POINTS_MAX = 9;

/** Bytes of an HTTP request's line and headers. */
export const HTTP_HEAD_BYTES_MAX = 4_096;

/** Bytes of an HTTP request's body. The longest valid one is a log level. */
export const HTTP_BODY_BYTES_MAX = 4_096;

/** Longest time that uWebSockets.js waits for a whole request: 10 s, on a clock with steps of 4 s. */
export const HTTP_WAIT_MS_MAX = 15_000;

/** Longest time that uWebSockets.js waits for the FIN after a close frame: a step of that clock, with a margin. */
export const WEBSOCKET_LINGER_MS_MAX = 5_000;

/**
 * Share of all connections that the WebSocket port may hold before their first request. uWebSockets.js cannot close
 * such a connection, so the rest must be enough for all other peers.
 */
export const SILENT_CONNECTIONS_SHARE = 1 / 4;

/** Milliseconds that node:http allows for a TLS handshake, for a request's head, and for a whole request. */
export const HTTP_REQUEST_MS_MAX = 10_000;

/** Milliseconds within which a client of the admin port must read a reply. */
export const HTTP_REPLY_MS_MAX = 10_000;

/** Milliseconds within which a client of the admin port must take some bytes of a long reply, such as a backup. */
export const HTTP_STALL_MS_MAX = 60_000;

/** Milliseconds before an idle connection of the admin port is closed. Scrapers and proxies close first (60 s). */
export const HTTP_KEEP_ALIVE_MS = 75_000;

/** Connections of the admin port: few beside the 256 files that are reserved from the data ports. */
export const HTTP_CONNECTIONS_MAX = 64;

/** The same for one address: all readers of the status page (STATUS_STREAMS_MAX) and as many others. */
export const HTTP_CONNECTIONS_PER_ADDRESS_MAX = 32;

/** Addresses with counts of their own, in sets of ADDRESS_WAYS; about 6 MB with the growth budgets. Half full, one set in 10,000 overflows. */
export const ADDRESSES_MAX = 131_072;
export const ADDRESS_WAYS = 32;

/** Entries shared by all further addresses. Exhausting all of them takes as many addresses again. */
export const SHARED_ADDRESS_ENTRIES = 1_024;

/** Minutes for which refusals of limits are kept by address. */
export const LEDGER_MINUTES = 5;

/** Addresses of each of these minutes; about 0.4 MB in all. Refusals of later addresses count in all only. */
export const LEDGER_ADDRESSES_MAX = 256;

/** Addresses with a log line of their own, one a minute. Later addresses share a line. */
export const LEDGER_REPORTED_ADDRESSES_MAX = 64;

/** Burst of Hellos, in seconds of the total rate. */
export const HELLO_BURST_SECONDS = 1;

/**
 * Burst of Hellos from one address, in seconds of its rate. At the default rate, three full clusters start behind one
 * address.
 */
export const HELLO_BURST_SECONDS_PER_ADDRESS = 10;

/**
 * Burst of an address's additions to the table, in seconds of their rate. At the default rate, three full clusters
 * start behind one address.
 */
export const GROWTH_BURST_SECONDS_PER_ADDRESS = 10;

/**
 * Used share of a table limit from which times to live shrink, to PRESSED_TTL_MS_MIN at the limit. The longest idle
 * entries expire before a newcomer is refused.
 */
export const PRESSED_FROM = 0.9;

/** Lower bound of a shrunken time to live: a client may still be about to join, or may wait for others first. */
export const PRESSED_TTL_MS_MIN = 300_000;

/** Clients whose replaced tokens are remembered to detect a replay, the most recent first; at most 15 MB. */
export const REPLACED_TOKEN_CLIENTS_MAX = 65_536;

/** Replaced tokens of each of these clients. A member that moves between places has only a few. */
export const REPLACED_TOKENS_PER_CLIENT = 8;

/** Bytes of a PROXY protocol header, fixed part included. Addresses take 52; TLVs take the rest. */
export const PROXY_HEADER_BYTES_MAX = 2_048;

/** Named admin tokens. Each is a person or a program that operates the registry. */
export const ADMIN_TOKENS_MAX = 64;

/** Longest lifetime of an admin token: ten years. */
export const ADMIN_TOKEN_TTL_SECONDS_MAX = 315_360_000;

/**
 * Wrong admin tokens of one address (an IPv6 /64 is one address): WRONG_TOKEN_BURST at once, then one in
 * WRONG_TOKEN_MS. Further ones get 429. A right token is accepted at any time, so a neighbour behind the same NAT locks
 * no operator out.
 */
export const WRONG_TOKEN_BURST = 10;
export const WRONG_TOKEN_MS = 5_000;

/** Addresses whose wrong tokens are counted apart; further ones share one count. */
export const WRONG_TOKEN_ADDRESSES_MAX = 1_024;

/** Pairs of token and action whose requests beyond their role are counted apart; further ones share one count. */
export const ROLE_REFUSALS_MAX = 1_024;

/** Bounds of `--audit-file-bytes` and `--audit-files`: 1 TB in all. */
export const AUDIT_FILE_BYTES_MIN = 4_096;
export const AUDIT_FILE_BYTES_MAX = 1_073_741_824;
export const AUDIT_FILES_MAX = 1_000;

/** Additions to the table that the coordinator sends to the audit log in one message; fewer wait up to 100 ms. */
export const AUDIT_ADDITIONS_BATCH = 64;

/** Clients whose last address is remembered after their session, for the audit log; about 1 MB. */
export const LEFT_CLIENTS_MAX = 4_096;

/** Concurrent readers of the status page's stream. Each receives some kilobytes a second. */
export const STATUS_STREAMS_MAX = 16;

/** Clusters on the status page: the most recently changed ones. */
export const RECENT_CLUSTERS_MAX = 64;

/** Changes kept to find these clusters: enough if all of them fill in turn, seat by seat. */
export const RECENT_CHANGES_MAX = RECENT_CLUSTERS_MAX * CLUSTER_SIZE_MAX;

/**
 * Bytes of log that wait for a slow reader. Lines beyond this are dropped and counted, so the registry never blocks on
 * its log.
 */
export const LOG_BYTES_MAX = 8 * 1024 * 1024;

/** Warnings and errors of the log that the status page shows, and characters of each: some 50 KB. */
export const RECENT_LOG_LINES_MAX = 50;
export const RECENT_LOG_LINE_CHARS_MAX = 1_024;

/** Milliseconds that a stopping process waits for a reader to take its last log lines. */
export const LOG_FLUSH_MS = 1_000;

/**
 * Files reserved for anything but sessions: store, listeners, scrapers, downloads of regCred.dat; and those of each
 * worker and front end. The server does not start if the limit of open files leaves fewer than CONNECTIONS_MIN
 * connections beside them.
 */
export const OTHER_FILES = 256;
/** An event loop opens five with Node 22 or newer, four before. A listener adds two. */
export const FILES_PER_THREAD = 7;
export const CONNECTIONS_MIN = 32;

/** Milliseconds that a start retries a port that is taken, as by an outgoing connection or the previous server. */
export const PORT_WAIT_MS = 5_000;

/** Milliseconds that a cancelled start may take to release its resources. Then the process exits anyway. */
export const START_ABANDON_MS = 5_000;

/** Seconds of `--shutdown-delay`: far above the interval of any health check, and below what supervisors wait for. */
export const SHUTDOWN_DELAY_SECONDS_MAX = 300;

/** Pieces of 256 KB that the reader thread of a table may be ahead of the coordinator: 16 MB of memory. */
export const TABLE_PIECES_AHEAD_MAX = 64;

/**
 * Milliseconds between renewals of a directory lock, and milliseconds for which one renewal permits writes: five
 * renewals.
 */
export const LOCK_RENEWAL_MS = 2_000;
export const LOCK_FENCE_MS = 10_000;

/**
 * Milliseconds without a renewal until a lock's holder counts as dead. By then the holder has been fenced for 5 s. The
 * margin covers clocks of different rates, and file systems that show another machine's change late.
 */
export const LOCK_DEAD_MS = 15_000;

/** Milliseconds that a commit waits for an overdue lock renewal. Then its clients are refused (E5). */
export const FENCE_WAIT_MS = 1_000;

/**
 * Milliseconds that a commit already on disk waits for that renewal. Then the process exits; no client has had a reply.
 */
export const FENCE_WAIT_AFTER_COMMIT_MS = 15_000;

/** Bytes of ciphertext and tag of a sealed frame from the registry: what its length field can say. */
export const SEALED_FRAME_BYTES_MAX = 65_535;

/** Bytes of protobuf in such a frame, beside flag and tag. */
export const SEALED_PART_BYTES_MAX = SEALED_FRAME_BYTES_MAX - 17;

/** Bytes of ciphertext and tag of a frame from a client: flag, one byte of message and tag at least. */
export const SEALED_REQUEST_FRAME_BYTES_MIN = 18;
export const SEALED_REQUEST_FRAME_BYTES_MAX = 16_384;

/** Bytes of protobuf in a client's message, as the certificate tells it. */
export const SEALED_REQUEST_BYTES_MAX = SEALED_REQUEST_FRAME_BYTES_MAX - 17;

/** Bytes of protobuf in a sealed reply, all frames together. The longest roster of 64 members fits. */
export const SEALED_REPLY_BYTES_MAX = 1024 * 1024;

/** Bytes of a SealKey: an X25519 public key. */
export const SEAL_KEY_BYTES = 32;

/** Bytes of a token's labels, and characters of a label's key. */
export const LABELS_BYTES_MAX = 512;
export const LABEL_KEY_CHARS_MAX = 63;

/** Bits of a SigKey, and of the registry's sk, in the sealed dialect. */
export const SEALED_RSA_BITS_MIN = 2_048;

/** Milliseconds of `--max-wait-ms` at most (V5). Many NATs and balancers forget connections that idle longer. */
export const WAIT_MS_MAX = 300_000;

/** Milliseconds by which a wait may end late: all waits share one timer. */
export const WAIT_TICK_MS = 50;

/** Waits that are resumed in one turn of the front end. Fresh messages go first. */
export const RESUMES_PER_TURN = 64;

/** Milliseconds over which a drain spreads the ends of waits, so that not all clients reconnect at once (V6). */
export const DRAIN_WAITS_MS = 5_000;

/** Seconds by which the clocks of a client and of a registry may differ when the client checks a certificate. */
export const SEAL_CERT_SKEW_SECONDS = 86_400;

/** Milliseconds by which a statement's seq may be ahead of the registry's clock. */
export const SEQ_AHEAD_MS_MAX = 2 * 86_400_000;

/** Seconds that a certificate of `s` is valid, and seconds before its making from which it is. */
export const SEAL_CERT_SECONDS = 2 * 86_400;
export const SEAL_CERT_BACKDATE_SECONDS = 3_600;

/** Milliseconds after which a process replaces `s`. */
export const SEAL_KEY_AGE_MS_MAX = 86_400_000;

/** Lost seats of a cluster whose reason is remembered (V4): as many as it has seats. */
export const LOST_SEATS_MAX = 64;

/**
 * Clusters that one batch, catch-up or sweep lists as changed: half the places of the change ring. After more, every
 * waiting connection is woken.
 */
export const CHANGED_CLUSTERS_MAX = 4_096;

/** Places of the change ring; a power of two. Some seconds of changes at the highest rate of commits. */
export const CHANGE_RING_PLACES = 8_192;

/** Marks that one command of an operator lifts: as many as fit in one transaction of etcd. */
export const MARKS_LIFTED_MAX = 32;
