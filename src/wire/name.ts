// Names of members and clusters (T2). Free of Node, for the client of web pages too.
import { NAME_CHARS_MAX } from '../limits.ts';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** True if the name satisfies T2. Members and clusters share this rule. */
export function isName(name: string | null | undefined): name is string {
  return name !== null && name !== undefined && name.length <= NAME_CHARS_MAX && NAME.test(name);
}
