// Reads the structure of a help text, so that the man page and the completions are made from the same text.

/** A term of a list with its explanation, such as a flag or an exit code. */
export interface HelpItem {
  readonly term: string;
  readonly text: string;
}

/** A paragraph, or a list. */
export type HelpBlock = { readonly paragraph: string } | { readonly items: readonly HelpItem[] };

/** A flag. */
interface HelpFlag {
  /** Without dashes. */
  readonly name: string;
  /** The syntax of its value; undefined for a switch. */
  readonly value: string | undefined;
  readonly text: string;
}

export interface HelpOutline {
  /** The lines that begin with `xlreg COMMAND`. */
  readonly synopsis: readonly string[];
  readonly blocks: readonly HelpBlock[];
  /** Each flag once. */
  readonly flags: readonly HelpFlag[];
  /** The words that may follow the command, such as `show` and `check`. */
  readonly verbs: readonly string[];
}

/** Terms are indented by two spaces; their texts continue with more. */
const TERM = /^ {2}(\S.*?)(?: {2,}(\S.*))?$/;

/** Reads a help text. */
export function outlineOf(help: string): HelpOutline {
  const lines = help.trimEnd().split('\n');
  const body = lines.findIndex((line) => !line.startsWith('xlreg '));
  const synopsis = body < 0 ? lines : lines.slice(0, body);
  const blocks = blocksOf(body < 0 ? [] : lines.slice(body));
  const items = blocks.flatMap((block) => ('items' in block ? block.items : []));
  const flags = new Map(items.flatMap(flagsOf).map((flag) => [flag.name, flag]));
  const verbs = synopsis.flatMap(
    (line) => /^xlreg [a-z]+ ([a-z]+(?:\|[a-z]+)*)(?= |$)/.exec(line)?.[1]?.split('|') ?? [],
  );
  return { synopsis, blocks, flags: [...flags.values()], verbs };
}

/** Splits lines into blocks. An empty line ends a block; a list may also follow a paragraph at once. */
export function blocksOf(lines: readonly string[]): HelpBlock[] {
  const blocks: HelpBlock[] = [];
  let paragraph: string[] = [];
  let items: HelpItem[] = [];
  const flush = () => {
    if (paragraph.length > 0) blocks.push({ paragraph: paragraph.join(' ') });
    if (items.length > 0) blocks.push({ items });
    [paragraph, items] = [[], []];
  };
  for (const line of [...lines, '']) {
    const [, term, text = ''] = TERM.exec(line) ?? [];
    if (term !== undefined) {
      if (paragraph.length > 0) flush();
      items.push({ term, text });
    } else if (line.startsWith('   ') && items.length > 0) {
      const last = items.at(-1)!;
      items[items.length - 1] = { ...last, text: `${last.text} ${line.trim()}`.trim() };
    } else {
      if (line === '' || items.length > 0) flush();
      if (line !== '') paragraph.push(line);
    }
  }
  return blocks;
}

/** `--create --size N` has two flags. */
function flagsOf({ term, text }: HelpItem): HelpFlag[] {
  const found = term.matchAll(/--([a-z-]+)(?: ((?!--)\S+))?/g);
  return term.startsWith('--') ? [...found].map(([, name, value]) => ({ name: name!, value, text })) : [];
}
