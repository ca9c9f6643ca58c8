// The help of `xlreg serve`, made from the settings.
import { describeSettings } from '../described-settings.ts';
import { SETTINGS_RULE } from './settings-rule.ts';

const COLUMNS_MAX = 120;
/** Column at which descriptions of flags begin. */
const TEXT_COLUMN = 30;

export const SERVE_HEAD = `xlreg serve [FLAGS]

Runs a registry until SIGTERM, SIGINT or xlreg drain; a second signal ends it at once.

${SETTINGS_RULE}

SIGHUP reads certificates, tokens and the configuration file again. Settings that it applies are marked (reload); a
change of any other needs a restart, which the log says. A faulty file changes nothing.

  --config FILE               the configuration file: a JSON object of settings
`;

export const SERVE_EXIT_CODES = `
Exit codes:
  0   stopped in order
  1   failed while running
  2   wrong settings, keys or data directory: correct them first
  75  cannot start now, may succeed later: a port or the data directory is in use, the store is away
`;

/** The text of `xlreg help serve`. */
export function serveHelp(): string {
  const groups = describeSettings().map(({ title, text, settings }) => {
    const flags = settings.map(({ name, value, about, fallback, reloads }) =>
      flagLines(`--${name} ${value}`, `${about} [${fallback}]${reloads ? ' (reload)' : ''}`),
    );
    return [...wrap(text === undefined ? `${title}:` : `${title}. ${text}`, 0), ...flags.flat()].join('\n');
  });
  return `${[SERVE_HEAD, ...groups.map((group) => `${group}\n`)].join('\n')}${SERVE_EXIT_CODES}`;
}

function flagLines(flag: string, text: string): string[] {
  const lines = wrap(text, TEXT_COLUMN);
  if (flag.length + 4 > TEXT_COLUMN) return [`  ${flag}`, ...lines];
  return [`  ${flag}`.padEnd(TEXT_COLUMN) + lines[0]!.trimStart(), ...lines.slice(1)];
}

/** Breaks a text at spaces into lines that begin with `indent` spaces. */
function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= COLUMNS_MAX) lines.splice(-1, 1, `${last} ${word}`);
    else lines.push(' '.repeat(indent) + word);
  }
  return lines;
}
