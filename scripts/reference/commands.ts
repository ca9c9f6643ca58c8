// docs/reference/commands.md: the help texts, with the flags that several commands share cut out and shown once.
import { helpFor, listCommands } from '../../src/cli/help.ts';
import { SERVE_EXIT_CODES, SERVE_HEAD } from '../../src/cli/serve-help.ts';
import { code, GENERATED, table } from './markdown.ts';
import { OUTPUT_SCHEMA } from './output-schema.ts';
import { SHARED, withoutShared } from './shared-flags.ts';

const ERROR_KEYS = [
  ['`code`', 'a word for programs, which never changes'],
  ['`message`', 'the text for people, which may change; its lines are parted by line feeds'],
  ['`retryable`', 'true if the same command may succeed later'],
  ['`exitCode`', 'the exit code'],
];

const ERROR_CODES = [
  ['`bad-usage`', 'the command line, or a file that it names, is wrong'],
  ['`registry-unreachable`, `hello-refused`', 'no connection or no answer; the registry closed it at the Hello'],
  ['`registry-untrusted`, `clock-fault`, `protocol-violated`', 'the peer is not the registry, or breaks the protocol'],
  ['`time-up`', 'the time of `--wait` is up, and the cluster is not complete'],
  ['`not-verified`', 'a statement of the roster is wrong'],
  ['`no-longer-member`', 'the member was evicted, or its cluster is gone'],
  ['`member-home`, `end-point-unknown`', 'the home cannot be used; an `auto:` end point has no address'],
  ['`end-points-not-ok`', 'of `xlreg check`'],
  ['`saved-roster-…`', 'of `xlreg verify`: format, memory, registry, signature, members, older, differs'],
  ['`admin-port-unreachable`', 'no registry answers at the admin port'],
  ['`audit-log-unsound`, `settings-faulty`', 'of `xlreg audit verify` and `xlreg config`'],
  ['`store-unusable`, `backup-unusable`', 'a table or a backup cannot be used'],
  ['`interrupted`', 'SIGHUP, SIGINT or SIGTERM ended the command'],
  ['`failed`', 'any other failure'],
  ['others', 'a refusal of the registry, such as `cluster-full`, or of the [admin API](admin-api.md)'],
];

/** More about a shared section. */
const NOTES: Readonly<Record<string, string>> = {
  Waiting: '`join --wait` ends with 0 only if the cluster is full and the roster has this member.\n',
};

const JSON_OUTPUT = `## JSON

With \`--json\` a command prints one object on stdout. \`xlreg export\` always prints one a line.
[${OUTPUT_SCHEMA}](${OUTPUT_SCHEMA}) has a JSON Schema for each command, by its words: \`$defs/join\`,
\`$defs/token-add\`. A later version may add keys; it removes none.

After any exit code but 0, the last line of stderr is an object, too. Other lines there are for people:

    {"error":{"code":"cluster-full","message":"the registry refused: cluster is full","retryable":false,"exitCode":1}}

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
