// Every bound of the protocol and of the server's own queues, with its why. Imports nothing.

/** AES works on blocks of this many bytes; messages are padded to it (F2). */
export const BLOCK_BYTES = 16;

/** A client message on the wire, IV and padding included; clients of the field use a buffer of this size (F4). */
export const MESSAGE_BYTES_MAX = 16_384;

/** A reply over TCP in the dialects of the field: their clients read into a buffer of this size (R9). */
export const REPLY_BYTES_MAX = 16_384;

/** The least that `--reply-bytes-max` can be; one member is sent even where it does not fit. */
export const REPLY_BYTES_MIN = 512;

/** A cluster has 2 to 64 members (R2); `Which` has a bit for each. */
export const CLUSTER_SIZE_MIN = 2;
export const CLUSTER_SIZE_MAX = 64;

/** End points a cluster can ask of each member (R3). */
export const CLUSTER_END_POINTS_MAX = 2;

/** End points a token can have (T5). */
export const TOKEN_END_POINTS_MAX = 4;

/** Characters of an end point, the `TcpEndPoint: ` prefix included (T5). */
export const END_POINT_CHARS_MAX = 255;

/** Characters of a name (T2). */
export const NAME_CHARS_MAX = 128;

/** RSA moduli the registry works with (T4). 1024 is what old vectors use; beyond 4096 a verify becomes an attack. */
export const RSA_BITS_MIN = 1024;
export const RSA_BITS_MAX = 4096;

/** Bytes of an ID the registry assigns; 20 is accepted too (K2). */
export const ID_BYTES = 32;
export const ID_BYTES_OLD = 20;

/** Fields unknown to us that a message may carry, in all (M5): room for later versions, none for a flood. */
export const UNKNOWN_FIELDS_MAX = 16;

/** Tokens, and end points of a token, beyond which bytes are not taken for a message at all (M6). */
export const REPEATED_FIELDS_MAX = 64;

/** Frames a WebSocket may have waiting behind the one in work; the protocol is lock-step, so one is usual (F7). */
export const WAITING_FRAMES_MAX = 16;

/**
 * Segments of a Hello or a message that are read as they come (F11): a message of F4 takes 12 on most links. Then the
 * socket rests for a part of the time since the beginning, or of the time to the deadline if that is less. A message that
 * takes its 5 s costs some 130 reads, in however many segments it comes.
 */
export const SEGMENTS_AT_ONCE = 16;
export const SEGMENT_WAIT = 1 / 4;

/** Segments after a rest: one that was read before it began, and all that the kernel has gathered. */
export const SEGMENTS_OF_A_WAKE = 2;

/** Messages of one session. Bounds what its IVs are remembered in: two of up to 32 bytes a message, 4 MiB in all (F6). */
export const SESSION_MESSAGES_MAX = 65_536;

/** Workers of the pool (`--workers`): each has a hazard word on the roster cache. */
export const WORKERS_MAX = 256;

/** Jobs a worker of the pool has at a time, a power of two: as many as make waking it cheap, few enough to be soon done. */
export const SLOTS_PER_WORKER = 64;

/** Hellos among them: one in work and some behind it, so that no worker waits; who waits in the pool can still withdraw. */
export const HELLOS_PER_WORKER = 4;

/** Session frames waiting for the pool, one a connection at most; whose frame finds no room is closed. */
export const WAITING_SESSION_FRAMES_MAX = 65_536;

/** Hellos that wait are bounded in time of work (`--hello-queue-ms`); this is what one counts until one was measured. */
export const HELLO_MILLISECONDS = 0.4;

/** Commands of one batch of the coordinator: it answers them all at once, so that fewer are answered sooner. */
export const BATCH_COMMANDS_MAX = 1_024;

/**
 * A client is told within 2 s that a store on other machines cannot store (E5): from its command's arrival at the
 * coordinator so long, and the rest is for the way there and back.
 */
export const SHARED_STORE_ANSWER_MS = 1_900;

/** How often a command may lose its seat to another server before the client is told `registry cannot store`. */
export const COMMIT_ATTEMPTS_MAX = 8;

/** Bytes of regCred.dat that are read (C5): 4096-bit keys and hundreds of end points fit, and parsing stays below 10 ms. */
export const REG_CRED_BYTES_MAX = 65_536;

/** Bytes that HTTP answers of ours may take as request: request line and headers. */
export const HTTP_HEAD_BYTES_MAX = 4_096;

/** Bytes that an HTTP request may have as body: the longest there is is a log level. */
export const HTTP_BODY_BYTES_MAX = 4_096;

/** How long uWebSockets.js lets a connection wait for a whole request: 10 s, by a clock that goes in steps of 4 s. */
export const HTTP_WAIT_MS_MAX = 15_000;

/** How long uWebSockets.js waits for the peer's FIN behind a close frame: one step of that clock, and a margin. */
export const WEBSOCKET_LINGER_MS_MAX = 5_000;

/**
 * Of all connections, the part that may be on the WebSocket port without having asked for anything. uWebSockets.js cannot
 * close such a connection, so the rest must be enough for everybody else.
 */
export const SILENT_CONNECTIONS_SHARE = 1 / 4;

/** Milliseconds that node:http gives a TLS handshake, the head of a request, and the whole of it. */
export const HTTP_REQUEST_MS_MAX = 10_000;

/** Milliseconds in which a reply of the admin port has to be taken. */
export const HTTP_REPLY_MS_MAX = 10_000;

/** Milliseconds that an idle connection of the admin port is kept: more than scrapers and proxies (60 s) keep theirs. */
export const HTTP_KEEP_ALIVE_MS = 75_000;

/** Connections of the admin port: few beside the 256 files that are kept from the data ports. */
export const HTTP_CONNECTIONS_MAX = 64;

/** The same for one address: all readers of the status page (STATUS_STREAMS_MAX), and as many others. */
export const HTTP_CONNECTIONS_PER_ADDRESS_MAX = 32;

/** Addresses whose connections and Hellos are counted each for itself: about 15 MB. */
export const ADDRESSES_MAX = 65_536;

/** Entries that addresses share when there are more: enough that filling them all takes as many addresses again. */
export const SHARED_ADDRESS_ENTRIES = 1_024;

/** Hellos that may come at once, in seconds of the rate allowed in all. */
export const HELLO_BURST_SECONDS = 1;

/** The same for an address: at the default rate, three full clusters that start behind one address. */
export const HELLO_BURST_SECONDS_PER_ADDRESS = 10;

/** The same for what an address adds to the table: at the default rate, three full clusters that start behind one address. */
export const GROWTH_BURST_SECONDS_PER_ADDRESS = 10;

/**
 * From this share of a limit of the table on, times to live shrink, down to nothing at the limit: what has been idle for
 * longest gives way before a newcomer is refused.
 */
export const PRESSED_FROM = 0.9;

/** They never shrink below this: a client may be about to join, or to wait for others before it does. */
export const PRESSED_TTL_MS_MIN = 300_000;

/** Clients whose replaced tokens are remembered to tell a replay, those replaced last: 15 MB at most. */
export const REPLACED_TOKEN_CLIENTS_MAX = 65_536;

/** Tokens of each: a member that moves about has a handful of places. */
export const REPLACED_TOKENS_PER_CLIENT = 8;

/** The longest header of the PROXY protocol that is read, its fixed part included; addresses take 52, the rest is TLVs. */
export const PROXY_HEADER_BYTES_MAX = 2_048;

/** Readers of the status page's stream at once: each is sent some kilobytes a second. */
export const STATUS_STREAMS_MAX = 16;

/** Clusters that the status page is told of: those that changed last. */
export const RECENT_CLUSTERS_MAX = 64;

/** Changes that are remembered to know these; enough for all of them where each cluster of 64 fills in turn with the others. */
export const RECENT_CHANGES_MAX = RECENT_CLUSTERS_MAX * CLUSTER_SIZE_MAX;

/** Bytes of log that wait for a slow reader; lines beyond them are dropped and counted, so that the registry goes on. */
export const LOG_BYTES_MAX = 8 * 1024 * 1024;

/** How long the process waits at its end for its last lines to be taken: enough for a reader that reads at all. */
export const LOG_FLUSH_MS = 1_000;

/**
 * Files that are not connections of sessions: the store, threads, listeners, those who scrape or ask for regCred.dat. A limit of
 * open files that leaves fewer connections than CONNECTIONS_MIN beside them, half a large cluster, is a mistake.
 */
export const OTHER_FILES = 256;
export const CONNECTIONS_MIN = 32;

/** How long a start tries again where a port is taken: an outgoing connection that has it may end, or the server before it. */
export const PORT_WAIT_MS = 5_000;

/** How long a start that is told to stop may go on, to give up what it holds; then the process ends all the same. */
export const START_ABANDON_MS = 5_000;

/** Pieces of 256 KB that the thread reading a table may be ahead of the one that fills from it: 16 MB of memory. */
export const TABLE_PIECES_AHEAD_MAX = 64;

/** How often the holder of a directory renews its lock, and how long that lets it write, in ms: five renewals. */
export const LOCK_RENEWAL_MS = 2_000;
export const LOCK_FENCE_MS = 10_000;

/**
 * How long a lock stays unchanged until its holder counts as dead, in ms. The fence has been closed for 5 s then: clocks
 * may differ in rate, and a file system may show another machine's change late.
 */
export const LOCK_DEAD_MS = 15_000;

/** How long a commit waits, in ms, for a lock that was not renewed in time: then its clients are told (E5). */
export const FENCE_WAIT_MS = 1_000;

/** How long a commit that is on disk already waits for that, in ms, before the process gives up: nobody was answered. */
export const FENCE_WAIT_AFTER_COMMIT_MS = 15_000;
