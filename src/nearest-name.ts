// Finds the name that a misspelled one was probably meant to be: a command, a flag, a variable, a key.

/** Characters of a name that is compared. Bounds the cost, which is quadratic. */
const CHARS_MAX = 64;

/** Characters from which the beginning of a name counts as the name with one mistake. */
const BEGINNING_CHARS = 3;

/** Characters of a name for each permitted mistake. */
const CHARS_PER_MISTAKE = 3;

/**
 * Returns the name that differs least from `word`. Case, `-` and `_` do not count. Returns undefined if each name
 * differs in more than a third of its characters.
 */
export function nearestName(word: string, names: Iterable<string>): string | undefined {
  if (word.length > CHARS_MAX) return undefined;
  let best: { readonly name: string; readonly mistakes: number } | undefined;
  for (const name of names) {
    const [given, known] = [bare(word), bare(name)];
    const isBeginning = given.length >= BEGINNING_CHARS && known.startsWith(given);
    const mistakes = isBeginning && given !== known ? 1 : distance(given, known);
    if (mistakes > Math.floor(Math.max(given.length, known.length) / CHARS_PER_MISTAKE)) continue;
    if (best === undefined || mistakes < best.mistakes) best = { name, mistakes };
  }
  return best?.name;
}

/** `; did you mean NAME?`, or nothing if no name is near. `show` prints the name. */
export function suggestion(word: string, names: Iterable<string>, show = (name: string) => name): string {
  const meant = nearestName(word, names);
  return meant === undefined ? '' : `; did you mean ${show(meant)}?`;
}

/** The first line of an error of parseArgs, with the flag that was meant. */
export function describeParseError({ message }: Error, flags: Iterable<string>): string {
  const said = message.split(/\n|\. /, 1)[0]!;
  const unknown = /^Unknown option '--([^'=]+)/.exec(said)?.[1];
  return unknown === undefined ? said : said + suggestion(unknown, flags, (name) => `--${name}`);
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** Damerau-Levenshtein distance: characters to insert, delete or replace, and neighbours to swap. */
function distance(a: string, b: string): number {
  let [beforeLast, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let at = 1; at <= b.length; at++) {
      const differs = a[row - 1] === b[at - 1] ? 0 : 1;
      const swapped = row > 1 && at > 1 && a[row - 1] === b[at - 2] && a[row - 2] === b[at - 1];
      const least = Math.min(last[at]! + 1, current[at - 1]! + 1, last[at - 1]! + differs);
      current[at] = swapped ? Math.min(least, beforeLast[at - 2]! + 1) : least;
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length]!;
}
