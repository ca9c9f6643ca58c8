// docs/reference/commands.md: the help texts, with the flags that several commands share cut out and shown once.
import { ADMIN_FLAGS, ADMIN_PORT, CLIENT_FLAGS, helpFor, listCommands, WAIT } from '../../src/cli/help.ts';
import { SERVE_EXIT_CODES, SERVE_HEAD } from '../../src/cli/serve-help.ts';
import { code, GENERATED, table } from './markdown.ts';

const WAIT_CUT = '\n  --wait SECONDS              see Waiting';

export async function commandsPage(): Promise<string> {
  const commands = listCommands().filter(({ name }) => name !== 'help');
  const rows = commands.map(({ name, does }) => [`[${code(`xlreg ${name}`)}](#xlreg-${name})`, does]);
  const sections = await Promise.all(commands.map(async ({ name }) => section(name, (await helpFor(name))!)));
  return `# Commands

${GENERATED}

\`npx xlreg COMMAND\` runs a command in a checkout; \`npm link\` makes it \`xlreg COMMAND\`. \`xlreg help
COMMAND\` prints these texts. Defaults stand in brackets.

${table(['command', 'purpose'], rows)}
## Flags of clients

${fence(CLIENT_FLAGS)}
## Waiting

${fence(WAIT)}
\`join --wait\` ends with 0 only if the cluster is full and the roster has this member.

## Flags of the admin port

${fence(ADMIN_PORT)}${sections.join('')}`;
}

function section(name: string, help: string): string {
  const isServe = name === 'serve';
  const text = isServe ? SERVE_HEAD + SERVE_EXIT_CODES : withoutShared(help);
  const links = [
    ...(isServe ? ['[settings](settings.md)'] : []),
    ...(help.includes(ADMIN_PORT) ? ['[flags of the admin port](#flags-of-the-admin-port)'] : []),
    ...(help.includes(ADMIN_FLAGS) ? ['`--json`'] : []),
    ...(help.includes(CLIENT_FLAGS) ? ['[flags of clients](#flags-of-clients)'] : []),
  ];
  const also = links.length > 0 ? `\nAlso: ${links.join(', ')}.\n` : '';
  return `\n## xlreg ${name}\n\n${fence(text)}${also}`;
}

function withoutShared(help: string): string {
  return [ADMIN_FLAGS, ADMIN_PORT, CLIENT_FLAGS]
    .reduce((text, shared) => text.replace(shared, ''), help)
    .replace(WAIT, WAIT_CUT)
    .replace(WAIT.slice(1), WAIT_CUT.slice(1));
}

function fence(text: string): string {
  return `\`\`\`text\n${text.replace(/^\n+|\s+$/g, '')}\n\`\`\`\n`;
}
