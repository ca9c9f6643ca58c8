// docs/reference/settings.md and packaging/config.example.json.
import { describeSettings } from '../../src/described-settings.ts';
import { code, GENERATED, table } from './markdown.ts';

const HEAD = `# Settings

${GENERATED}

\`xlreg serve\` takes each setting from one of three sources, in this order of precedence:

| source | form | example |
| --- | --- | --- |
| flag | \`--NAME VALUE\` | \`--data-dir /srv/xlreg\` |
| environment | \`XLREG_NAME\` | \`XLREG_DATA_DIR=/srv/xlreg\` |
| file of \`--config FILE\` | key of a JSON object | \`"data-dir": "/srv/xlreg"\` |

The commands of operators follow the same order, for the settings that they share. \`XLREG_CONFIG\` stands for
\`--config\`. [Configure a registry](../how-to/configure.md) shows how to check settings and how to reload them:
SIGHUP applies a change of those with *yes* under *reload*; a change of any other needs a restart.

[config.example.json](../../packaging/config.example.json) holds every setting. The log line \`started\` lists the settings that differ from
their defaults. Passwords stand in files of their own or in the environment.
`;

/** A literal default stands as code, one in words as text. */
export function settingsPage(): string {
  const sections = describeSettings().map(({ title, text, settings }) => {
    const rows = settings.map(({ name, value, about, fallback, isLiteral, range, reloads }) => [
      ...[code(name), code(value), range ? printRange(range) : '', isLiteral ? code(fallback) : fallback],
      reloads ? 'yes' : '',
      about,
    ]);
    const intro = text === undefined ? '' : `${text}\n\n`;
    return `\n## ${title}\n\n${intro}${table(['name', 'value', 'range', 'default', 'reload', 'meaning'], rows)}`;
  });
  return HEAD + sections.join('');
}

/** The largest safe integer is no bound of a setting. */
function printRange({ least, most }: { readonly least: number; readonly most: number }): string {
  return most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `${least}–${most}`;
}

export function exampleConfig(): string {
  const entries = describeSettings().flatMap(({ settings }) => settings.map(({ name, example }) => [name, example]));
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`;
}
