// docs/reference/commands.md: the help texts, with the flags that several commands share cut out and shown once.
import { helpFor, listCommands } from '../../src/cli/help.ts';
import { SERVE_EXIT_CODES, SERVE_HEAD } from '../../src/cli/serve-help.ts';
import { code, GENERATED, table } from './markdown.ts';
import { OUTPUT_SCHEMA } from './output-schema.ts';
import { SHARED, withoutShared } from './shared-flags.ts';

const ERROR_KEYS = [
  ['`code`', 'a word for programs, which never changes'],
  ['`message`', 'the text for people, which may change; its lines are parted by line feeds'],
  ['`retryable`', 'true if the same command may succeed later; of a refusal as in [errors](errors.md)'],
  ['`exitCode`', 'the exit code'],
];

const ERROR_CODES = [
  ['`BAD_USAGE`', 'the command line, or a file that it names, is wrong'],
  ['`TIME_UP`', 'the time of `--wait` is up, and the cluster is not complete'],
  ['`NOT_VERIFIED`', 'a statement of the roster is wrong'],
  ['`END_POINTS_NOT_OK`', '`xlreg check` has found an end point that is not ok'],
  ['`AUDIT_LOG_UNSOUND`, `SETTINGS_FAULTY`', '`xlreg audit verify` or `xlreg config` has found a fault'],
  ['`STORE_UNUSABLE`, `BACKUP_UNUSABLE`', 'a table or a backup cannot be used'],
  ['`ADMIN_PORT_UNREACHABLE`', 'no registry answers at the admin port'],
  ['`ADMIN_PORT_SILENT`', 'the admin port takes the connection, but does not reply within 15 s'],
  ['`REFUSED_…`', 'the registry refused; from the admin port with a code of the [admin API](admin-api.md)'],
  ['`INTERRUPTED`', 'SIGHUP, SIGINT or SIGTERM ended the command'],
  ['`FAILED`', 'another failure of a command for operators'],
];

/** More about a shared section. */
const NOTES: Readonly<Record<string, string>> = {
  Waiting: '`join --wait` ends with 0 only if the cluster is complete and the roster has this member.\n',
};

const JSON_OUTPUT = `## JSON

With \`--json\` a command prints one object on stdout. \`xlreg export\` always prints one a line.
[${OUTPUT_SCHEMA}](${OUTPUT_SCHEMA}) has a JSON Schema for each command, by its words: \`$defs/join\`,
\`$defs/token-add\`. A later version may add keys; it removes none.

After any exit code but 0, the last line of stderr is an object, too. Other lines there are for people.
The program of \`xlreg join --exec\` ends without one, and so does a command whose output has lost its
reader, with 141.
\`code\` is one of [the client library](errors.md) or of the table below:

    {"error":{"code":"REFUSED_TOO_MANY_MOVES","message":"the registry refused: too many moves; wait a second","retryable":true,"exitCode":1}}

${table(['key', 'content'], ERROR_KEYS)}
${table(['code', 'meaning'], ERROR_CODES)}`;

export async function commandsPage(): Promise<string> {
  const commands = listCommands().filter(({ name }) => name !== 'help');
  const rows = commands.map(({ name, does }) => [`[${code(`xlreg ${name}`)}](#xlreg-${name})`, does]);
  const sections = await Promise.all(commands.map(async ({ name }) => section(name, (await helpFor(name))!)));
  const shared = SHARED.map(({ title, text }) => `## ${title}\n\n${fence(text)}${NOTES[title] ?? ''}`);
  return `# Commands

${GENERATED}

\`./xlreg COMMAND\` runs a command in a checkout; \`npm link\` makes it \`xlreg COMMAND\`. \`xlreg help
COMMAND\` and \`xlreg COMMAND -h\` print these texts, \`xlreg -v\` the version. Defaults stand in brackets.

${table(['command', 'purpose'], rows)}
${JSON_OUTPUT}
${shared.join('\n')}${sections.join('')}`;
}

function section(name: string, help: string): string {
  const { text, shared } = name === 'serve' ? { text: SERVE_HEAD + SERVE_EXIT_CODES, shared: [] } : withoutShared(help);
  const links = [
    ...(name === 'serve' ? ['[settings](settings.md)'] : []),
    ...shared.map((title) => `[${title.toLowerCase()}](#${title.toLowerCase().replaceAll(' ', '-')})`),
  ];
  const also = links.length > 0 ? `\nAlso: ${links.join(', ')}.\n` : '';
  return `\n## xlreg ${name}\n\n${fence(text)}${also}`;
}

function fence(text: string): string {
  return `\`\`\`text\n${text.replace(/^\n+|\s+$/g, '')}\n\`\`\`\n`;
}
