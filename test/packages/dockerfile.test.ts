// Runs the steps of the Dockerfile in empty folders, one for each stage, with this Node in place of the base image, and
// then what ENTRYPOINT, CMD and HEALTHCHECK say. No container engine takes part.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { type Instruction, readDockerfile } from '../support/dockerfile.ts';
import { until } from '../support/until.ts';

const project = resolve(import.meta.dirname, '../..');
const made = mkdtempSync(join(tmpdir(), 'xlreg-image-'));
let registry: ChildProcess | undefined;
afterAll(() => {
  registry?.kill('SIGKILL');
  rmSync(made, { recursive: true });
});

/** A stage's file system, its working directory and what it says about the process. */
class Container {
  readonly root: string;
  directory = '/';
  readonly said = new Map<string, string>();

  constructor(name: string) {
    this.root = join(made, name);
  }

  at(path: string): string {
    return join(this.root, resolve(this.directory, path));
  }

  copy({ text, flags }: Instruction, stages: ReadonlyMap<string, Container>): void {
    const paths = text.split(' ');
    const to = paths.pop()!;
    const from = flags.from === undefined ? project : stages.get(flags.from)!.root;
    for (const path of paths) {
      const target = to.endsWith('/') ? join(this.at(to), basename(path)) : this.at(to);
      mkdirSync(dirname(target), { recursive: true });
      cpSync(join(from, path), target, { recursive: true, verbatimSymlinks: true });
    }
  }

  /** Runs a step. Only the step that makes the data directory needs the image's own users. */
  run(text: string): void {
    if (text.startsWith('install -d')) {
      mkdirSync(join(this.root, text.split(' ').at(-1)!), { recursive: true, mode: 0o700 });
      return;
    }
    execFileSync('sh', ['-c', text], { cwd: this.at('.'), stdio: 'pipe', env: { ...process.env, NODE_ENV: '' } });
  }
}

const stages = new Map<string, Container>();
const image = new Container('image');

it('builds in an empty folder', () => {
  for (const { name, instructions } of readDockerfile(join(project, 'packaging/Dockerfile'))) {
    const container = name === undefined ? image : new Container(name);
    if (name !== undefined) stages.set(name, container);
    for (const instruction of instructions) {
      if (instruction.name === 'WORKDIR') container.directory = instruction.text;
      mkdirSync(container.at('.'), { recursive: true });
      if (instruction.name === 'COPY') container.copy(instruction, stages);
      else if (instruction.name === 'RUN') container.run(instruction.text);
      else container.said.set(instruction.name, instruction.text);
    }
  }
  expect(existsSync(image.at('dist/bench'))).toBe(false);
  expect(existsSync(image.at('node_modules/typescript'))).toBe(false);
});

it('runs, becomes healthy, and stops in order', async () => {
  const command = [...JSON.parse(image.said.get('ENTRYPOINT')!), ...JSON.parse(image.said.get('CMD')!)] as string[];
  expect(image.said.get('ENV')).toBe('XLREG_DATA_DIR=/var/lib/xlreg');
  const flags = ['--data-dir', join(image.root, 'var/lib/xlreg'), '--tcp', '127.0.0.1:0', '--ws', '127.0.0.1:0'];
  registry = spawn(command[0]!, [...command.slice(1), ...flags], {
    cwd: image.at('.'),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const check = JSON.parse(/CMD (\[.*\])$/.exec(image.said.get('HEALTHCHECK')!)![1]!) as string[];
  const isHealthy = () =>
    promisify(execFile)(check[0]!, check.slice(1)).then(
      () => true,
      () => false,
    );
  expect(await isHealthy()).toBe(false);
  let said = '';
  registry.stdout!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until(() => said.includes('ready '));
  expect(await isHealthy()).toBe(true);
  const ended = once(registry, 'exit');
  registry.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
