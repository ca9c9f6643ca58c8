// packaging/man/xlreg.1: the help texts as a man page.
import { helpFor, listCommands } from '../../src/cli/help.ts';
import { blocksOf, type HelpBlock, outlineOf } from '../../src/cli/help-outline.ts';
import { SHARED, withoutShared } from './shared-flags.ts';

const HEAD = `.\\" Made by npm run reference.
.TH XLREG 1 "" xlReg "xlReg Manual"
.SH NAME
xlreg \\- a registry through which the nodes of a cluster find each other
.SH SYNOPSIS
.B xlreg
.I COMMAND
[\\fIARGUMENTS\\fR]
.br
.B xlreg help
[\\fICOMMAND\\fR]
.br
.B xlreg \\-\\-version
.SH COMMANDS
`;

const TAIL = `.SH FILES
.TP
.I regCred.dat
A registry's public credentials, in its data directory. Clients need them.
.TP
.I admin\\-token
The admin token, in the data directory. The registry's user alone can read it.
`;

export async function manPage(): Promise<string> {
  const commands = await Promise.all(
    listCommands().map(async ({ name, does }) => commandSection(name, does, (await helpFor(name))!)),
  );
  const shared = SHARED.map(
    ({ title, text }) => `.SH ${title.toUpperCase()}\n${printBlocks(blocksOf(text.split('\n')))}`,
  );
  return HEAD + commands.join('') + shared.join('') + TAIL;
}

function commandSection(name: string, does: string, help: string): string {
  const { text, shared } = withoutShared(help);
  const { synopsis, blocks } = outlineOf(text);
  const forms = synopsis.map((line) => `.B ${roff(line)}\n`).join('.br\n');
  const also = shared.map((title) => title.toUpperCase()).join(', ');
  return `.SS xlreg ${name}: ${roff(does)}\n${forms}${printBlocks(blocks)}${also === '' ? '' : `.PP\nSee also ${also}.\n`}`;
}

function printBlocks(blocks: readonly HelpBlock[]): string {
  return blocks
    .map((block) =>
      'paragraph' in block
        ? `.PP\n${roff(block.paragraph)}\n`
        : block.items.map(({ term, text }) => `.TP\n.B ${roff(term)}\n${roff(text)}\n`).join(''),
    )
    .join('');
}

/** Escapes for roff: characters with a meaning, and a dot or quote at the beginning of a line. */
function roff(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('`', '\\(ga')
    .replaceAll('~', '\\(ti')
    .replaceAll('…', '...');
  return escaped.replace(/^\./, '\\&.');
}
