// The public declarations of this package, by the entry points of package.json, with their doc comments.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const project = resolve(import.meta.dirname, '../..');

/** One exported function or class. */
export interface PublicDeclaration {
  readonly name: string;
  readonly kind: string;
  readonly comment: string;
}

/** An entry point and what it exports. */
export interface EntryPoint {
  /** As programs import it, such as `xlreg/client`. */
  readonly specifier: string;
  /** Names of all exports, types included. */
  readonly names: ReadonlySet<string>;
  /** Functions and classes. */
  readonly declarations: readonly PublicDeclaration[];
}

/** Reads the entry points that have types. */
export function entryPoints(): EntryPoint[] {
  const { name, exports } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  const typed = Object.entries<{ types: string } | string>(exports).filter(([, target]) => typeof target === 'object');
  return typed.map(([path, target]) => {
    const source = (target as { types: string }).types.replace('./dist/', '').replace(/\.d\.ts$/, '.ts');
    const exported = exportsOf(join(project, source));
    return {
      specifier: `${name}${path.slice(1)}`,
      names: new Set(exported.keys()),
      declarations: [...exported].flatMap(([exportedName, file]) => declarationOf(exportedName, file) ?? []),
    };
  });
}

/** Follows `export * from` and `export { … } from`: the names, each with the file that declares it. */
function exportsOf(file: string): Map<string, string> {
  const text = readFileSync(file, 'utf8');
  const found = new Map<string, string>();
  for (const [, names, from] of text.matchAll(/^export (?:type )?(\*|\{[^}]*\}) from '([^']+)';/gm)) {
    const target = join(dirname(file), from!);
    if (names === '*') for (const [name, place] of exportsOf(target)) found.set(name, place);
    else for (const name of names!.match(/\w+(?=\s*[,}])/g) ?? []) found.set(name, target);
  }
  for (const [, name] of text.matchAll(/^export (?:async |abstract )?\w+\*? (\w+)/gm)) found.set(name!, file);
  return found;
}

/** A function or class with its doc comment; undefined for other declarations. */
function declarationOf(name: string, file: string): PublicDeclaration | undefined {
  const text = readFileSync(file, 'utf8');
  const declared = new RegExp(`^export (?:async |abstract )?(function|class)\\*? ${name}\\b`, 'm').exec(text);
  if (declared === null) return undefined;
  const before = text.slice(0, declared.index).trimEnd();
  const comment = before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : '';
  return { name, kind: declared[1]!, comment };
}
