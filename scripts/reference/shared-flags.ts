// The flags that several commands share, cut out of their help texts and shown once.
import { ADMIN_FLAGS, ADMIN_PORT, CLIENT_FLAGS, DATA_DIRECTORY, WAIT } from '../../src/cli/help-flags.ts';

/** The shared parts of help texts, each with the title of its own section. */
export const SHARED = [
  { title: 'Flags of clients', text: CLIENT_FLAGS },
  { title: 'Waiting', text: WAIT },
  { title: 'Flags of the admin port', text: ADMIN_PORT },
  { title: 'Flags of the data directory', text: DATA_DIRECTORY },
] as const;

const WAIT_CUT = '\n  --wait SECONDS              see Waiting';

/** A help text without its shared parts, and the titles of those that have sections of their own. */
export function withoutShared(help: string): { readonly text: string; readonly shared: readonly string[] } {
  const titles = [CLIENT_FLAGS, ADMIN_PORT, DATA_DIRECTORY].filter((part) => help.includes(part));
  const shared = SHARED.filter(({ text }) => (titles as readonly string[]).includes(text)).map(({ title }) => title);
  const text = [ADMIN_FLAGS, ADMIN_PORT, DATA_DIRECTORY, CLIENT_FLAGS]
    .reduce((left, part) => left.replace(part, part === ADMIN_FLAGS ? JSON_FLAG : ''), help)
    .replace(WAIT, WAIT_CUT)
    .replace(WAIT.slice(1), WAIT_CUT.slice(1));
  return { text, shared };
}

const JSON_FLAG = ADMIN_FLAGS.replace(ADMIN_PORT, '\n');
