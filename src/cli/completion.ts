// Completions for bash, zsh and fish, made from the texts of `xlreg help`.
import { helpFor, listCommands } from './help.ts';
import { outlineOf } from './help-outline.ts';

/** Shells with completions. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** Kinds of completion for a flag's value. A switch has no value. */
type Completes = 'switch' | 'file' | 'directory' | 'nothing';

interface CompletedFlag {
  readonly name: string;
  readonly completes: Completes;
  /** Fixed values. */
  readonly choices: readonly string[];
  readonly text: string;
}

interface CompletedCommand {
  readonly name: string;
  readonly does: string;
  /** The words of its first argument; empty if that is free. */
  readonly verbs: readonly string[];
  readonly flags: readonly CompletedFlag[];
}

/** Characters of an explanation in a list of completions. */
const TEXT_CHARS_MAX = 100;

/** The script that a shell loads. */
export async function completionScript(shell: Shell): Promise<string> {
  const commands = await completedCommands();
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands);
}

async function completedCommands(): Promise<CompletedCommand[]> {
  const listed = listCommands();
  const serve = flagsOf((await helpFor('serve'))!);
  const commands = await Promise.all(
    listed.map(async ({ name, does }) => {
      const help = (await helpFor(name))!;
      const own = flagsOf(help);
      // `xlreg config` takes the flags of serve, too.
      const more = name === 'config' ? serve.filter((flag) => !own.some((one) => one.name === flag.name)) : [];
      return { name, does, verbs: outlineOf(help).verbs, flags: [...own, ...more, HELP_FLAG] };
    }),
  );
  const names = listed.map(({ name }) => name);
  return [...commands, { name: 'help', does: 'explain a command', verbs: names, flags: [] }];
}

const HELP_FLAG: CompletedFlag = { name: 'help', completes: 'switch', choices: [], text: 'explain the command' };

function flagsOf(help: string): CompletedFlag[] {
  return outlineOf(help).flags.map(({ name, value, text }) => {
    const choices = value?.split('|').filter((word) => /^[a-z0-9]+$/.test(word)) ?? [];
    const [sentence] = text.split(/[;.] /, 1);
    return { name, completes: completesOf(value), choices, text: sentence!.slice(0, TEXT_CHARS_MAX) };
  });
}

function completesOf(value: string | undefined): Completes {
  if (value === undefined) return 'switch';
  if (/\b(FILE|CERT|CA)\b/.test(value)) return 'file';
  return /\bDIR\b/.test(value) ? 'directory' : 'nothing';
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const words = (list: readonly string[]) => `__xlreg_reply -W '${list.join(' ')}'`;
  const valueCases = commands.flatMap(({ name, flags }) => flags.flatMap((flag) => bashValueCase(name, flag)));
  const wordCases = commands.map(({ name, verbs, flags }) => {
    const first = verbs.length === 0 ? '' : `(( COMP_CWORD == 2 )) && ${words(verbs)}; `;
    return `    ${name}) ${first}[[ $current == -* ]] && ${words(flags.map((flag) => `--${flag.name}`))} ;;`;
  });
  return `# bash completion for xlreg, made by xlreg completion bash

__xlreg_reply() {
  mapfile -t COMPREPLY < <(compgen "$@" -- "\${COMP_WORDS[COMP_CWORD]}")
}

_xlreg() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    ${words([...commands.map(({ name }) => name), '--help', '--version'])}
    return
  fi
  case "$command $before" in
${valueCases.join('\n')}
  esac
  case $command in
${wordCases.join('\n')}
  esac
}
complete -o bashdefault -o default -F _xlreg xlreg
`;
}

function bashValueCase(command: string, { name, completes, choices }: CompletedFlag): string[] {
  if (completes === 'switch') return [];
  const files = {
    file: 'compopt -o filenames; __xlreg_reply -f',
    directory: 'compopt -o filenames; __xlreg_reply -d',
    nothing: '',
  };
  const action = choices.length > 0 ? `__xlreg_reply -W '${choices.join(' ')}'` : files[completes];
  return [`    '${command} --${name}') ${action === '' ? 'compopt +o default +o bashdefault' : action}; return ;;`];
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, verbs, flags }) => {
    const first = verbs.length === 0 ? "'*: :_files'" : `'1: :(${verbs.join(' ')})' '*: :_files'`;
    const specs = flags.map((flag) => `'--${flag.name}[${zshText(flag.text)}]${zshValue(flag)}'`);
    return `    ${name})\n      _arguments \\\n        ${[...specs, first].join(' \\\n        ')} ;;`;
  });
  const described = commands.map(({ name, does }) => `'${name}:${zshText(does)}'`);
  return `#compdef xlreg
# zsh completion for xlreg, made by xlreg completion zsh

_xlreg() {
  local -a commands=(
    ${described.join('\n    ')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${cases.join('\n')}
  esac
}

if [[ $funcstack[1] == _xlreg ]]; then
  _xlreg "$@"
else
  compdef _xlreg xlreg
fi
`;
}

function zshValue({ completes, choices }: CompletedFlag): string {
  if (completes === 'switch') return '';
  if (choices.length > 0) return `: :(${choices.join(' ')})`;
  return { file: ': :_files', directory: ': :_files -/', nothing: ': : ' }[completes];
}

/** Escapes what has a meaning in a specification within single quotes. */
function zshText(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&').replaceAll("'", "'\\''");
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, does, verbs, flags }) => [
    `complete -c xlreg -n '__xlreg_at 1' -f -a ${name} -d ${fishText(does)}`,
    ...verbs.map((verb) => `complete -c xlreg -n '__xlreg_at 2 ${name}' -f -a ${verb}`),
    ...flags.map((flag) => `complete -c xlreg -n '__xlreg_in ${name}' -l ${flag.name}${fishValue(flag)}`),
  ]);
  return `# fish completion for xlreg, made by xlreg completion fish

function __xlreg_in
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

function __xlreg_at
    set -l words (commandline -opc)
    test (count $words) -eq $argv[1]; or return 1
    test (count $argv) -eq 1; or test $words[2] = $argv[2]
end

${lines.join('\n')}
`;
}

function fishValue({ completes, choices, text }: CompletedFlag): string {
  const about = ` -d ${fishText(text)}`;
  if (completes === 'switch') return about;
  if (choices.length > 0) return ` -x -a '${choices.join(' ')}'${about}`;
  return { file: ' -r -F', directory: " -x -a '(__fish_complete_directories)'", nothing: ' -x' }[completes] + about;
}

function fishText(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
