// A look at HTML that is enough for pages of our own.

const VOID = ['meta', 'br', 'hr'];

/** Tags that are open at the end; throws where one is closed that is not the last opened. */
export function openTags(html: string): string[] {
  const open: string[] = [];
  for (const [, slash, name, selfClosing] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (selfClosing || VOID.includes(name!)) continue;
    if (!slash) open.push(name!);
    else if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
  }
  return open;
}
