// An entry of the audit log before it is written: who did what to which object, and how it ended.

/** A value of an object's field. Longer text than AUDIT_TEXT_CHARS_MAX is cut. */
type AuditValue = string | number | boolean | null;

/** The party that acted. Unknown fields are absent. */
export interface AuditActor {
  /** Name of the admin token. */
  readonly token?: string;
  /** ID of a member's client, hex. */
  readonly client?: string;
  readonly address?: string | undefined;
  /** A signal, whose sender the system does not tell. */
  readonly signal?: string;
  /** The server itself. */
  readonly server?: true;
}

export interface AuditEvent {
  readonly actor: AuditActor;
  /** In lower case with hyphens; docs/reference/audit-log.md lists all. */
  readonly action: string;
  readonly object: Readonly<Record<string, AuditValue | undefined>>;
  /** `done`, or the code of a refusal. */
  readonly outcome: string;
  /** Milliseconds since 1970; the time of recording if absent. */
  readonly time?: number;
}

/** Takes entries of the audit log. Never throws, never blocks. */
export interface AuditSink {
  record(event: AuditEvent): void;
}
