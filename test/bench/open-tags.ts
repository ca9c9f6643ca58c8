// A minimal check of HTML nesting, sufficient for the pages of this project.

const VOID = ['meta', 'br', 'hr'];

/** Returns the tags still open at the end. Throws if a tag closes another than the last opened. */
export function openTags(html: string): string[] {
  const open: string[] = [];
  for (const [, slash, name, selfClosing] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (selfClosing || VOID.includes(name!)) continue;
    if (!slash) open.push(name!);
    else if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
  }
  return open;
}
