// Requests that need a greater role than their token has: one line of the audit log a token, action and minute. Without
// that bound a token that may only look could fill the log, until its older lines are rotated away.
import type { AuditEvent, AuditSink } from '../audit/audit-event.ts';
import { ROLE_REFUSALS_MAX } from '../limits.ts';
import { MinuteReports } from './minute-reports.ts';

export class RoleRefusals {
  readonly #reports: MinuteReports<AuditEvent>;

  /** `now` returns milliseconds on a clock that never goes back. */
  constructor(audit: AuditSink, now = () => performance.now()) {
    this.#reports = new MinuteReports(
      ({ last, count, isShared }) =>
        audit.record({ ...last, actor: isShared ? {} : last.actor, object: { ...last.object, count } }),
      ROLE_REFUSALS_MAX,
      now,
    );
  }

  record(event: AuditEvent): void {
    this.#reports.add(`${event.actor.token} ${event.action}`, event);
  }

  /** Records what is not recorded yet, at the end of the server. */
  close(): void {
    this.#reports.close();
  }
}
