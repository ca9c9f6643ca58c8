// docs/reference/commands.md: the help texts, with the flags that several commands share cut out and shown once.
import { helpFor, listCommands } from '../../src/cli/help.ts';
import { SERVE_EXIT_CODES, SERVE_HEAD } from '../../src/cli/serve-help.ts';
import { code, GENERATED, table } from './markdown.ts';
import { SHARED, withoutShared } from './shared-flags.ts';

/** More about a shared section. */
const NOTES: Readonly<Record<string, string>> = {
  Waiting: '`join --wait` ends with 0 only if the cluster is full and the roster has this member.\n',
};

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
