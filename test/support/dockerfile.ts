// Reads a Dockerfile: instructions, build arguments, stages. Enough of its syntax for this project's own.
import { readFileSync } from 'node:fs';

export interface Instruction {
  /** In upper case, such as COPY. */
  readonly name: string;
  /** `--from=build` is `from: 'build'`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface Stage {
  /** The name after AS; undefined for the image itself. */
  readonly name: string | undefined;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** Reads the stages, with the defaults of the arguments before the first in the names of base images. */
export function readDockerfile(path: string): readonly Stage[] {
  const lines = readFileSync(path, 'utf8')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const defaults = new Map<string, string>();
  const stages: { name: string | undefined; base: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const instruction = readInstruction(line);
    if (instruction.name === 'FROM') {
      const [base, , name] = instruction.text.split(/\s+/);
      stages.push({
        name,
        base: base!.replace(/\$\{(\w+)\}/g, (_, argument) => defaults.get(argument)!),
        instructions: [],
      });
    } else if (stages.length === 0) {
      const [argument, value] = instruction.text.split('=');
      defaults.set(argument!, value!);
    } else stages.at(-1)!.instructions.push(instruction);
  }
  return stages;
}

function readInstruction(line: string): Instruction {
  const [, name, rest] = /^(\w+)\s+(.*)$/.exec(line)!;
  const flags: Record<string, string> = {};
  const text = rest!.replace(/^(?:--(\w[\w-]*)=(\S+)\s+)+/, (all) => {
    for (const [, flag, value] of all.matchAll(/--(\w[\w-]*)=(\S+)/g)) flags[flag!] = value!;
    return '';
  });
  return { name: name!.toUpperCase(), flags, text };
}
