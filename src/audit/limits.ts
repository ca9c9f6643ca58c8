// Bounds of the audit log's own queue, lines and files. Imports nothing.

/** Entries of the audit log that wait for a slow disk. Further ones are lost, and counted. About 2 MB. */
export const AUDIT_QUEUE_EVENTS_MAX = 8_192;

/** Places among them that entries of members leave free: a flood of joins displaces no operator's entry. */
export const AUDIT_QUEUE_EVENTS_OF_OPERATORS = 1_024;

/** Lines of one write to the audit log. */
export const AUDIT_BATCH_EVENTS = 256;

/** Characters of one text in a line of the audit log; a longer one is cut. Names have NAME_CHARS_MAX at most. */
export const AUDIT_TEXT_CHARS_MAX = 256;

/** Bytes at the end of a file of the audit log that hold its last line: no line is longer. */
export const AUDIT_TAIL_BYTES = 65_536;
