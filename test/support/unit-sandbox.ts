// Runs a program under the SystemCallFilter= and RestrictAddressFamilies= of a unit, without systemd. Stricter than
// systemd: a call that the filter does not allow kills, whatever SystemCallErrorNumber= says.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const NUMBERS = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';
const FAMILIES: Readonly<Record<string, number>> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10 };

/** Installs a seccomp filter for itself and what it runs: arguments are families, allowed calls, and the command. */
const SANDBOX = `
my ($families, $calls, @command) = @ARGV;
my ($allow, $kill, $no_family, $no_call) = (0x7fff0000, 0x80000000, 0x00050000 | 97, 0x00050000 | 38);
sub load { pack 'SCCL', 0x20, 0, 0, $_[0] }
sub end { pack 'SCCL', 0x06, 0, 0, $_[0] }
# Ends with a value if the loaded word equals a number.
sub end_if { (pack('SCCL', 0x15, 0, 1, $_[0]), end($_[1])) }
my @socket = (load(16), (map { end_if($_, $allow) } split ' ', $families), end($no_family));
my @program = (
  load(0),
  # systemd answers clone3 like this, because the filter cannot read its flags.
  end_if(435, $no_call),
  pack('SCCL', 0x15, 0, scalar @socket, 41), @socket,
  (map { end_if($_, $allow) } split ' ', $calls),
  end($kill),
);
my $bytes = join '', @program;
syscall(157, 38, 1, 0, 0, 0) == 0 or die "PR_SET_NO_NEW_PRIVS: $!";
syscall(157, 22, 2, pack('S x6 P', scalar @program, $bytes), 0, 0) == 0 or die "PR_SET_SECCOMP: $!";
exec @command or die "$command[0]: $!";
`;

/** The command that runs its further arguments under the unit's filters; undefined, with the reason, if it cannot be. */
export function unitSandbox(unit: string): readonly string[] | undefined {
  try {
    if (process.arch !== 'x64') throw new Error(`the filter is for x64, not ${process.arch}`);
    const numbers = new Map(
      [...readFileSync(NUMBERS, 'ascii').matchAll(/#define __NR_(\w+) (\d+)/g)].map(([, name, number]) => [
        name,
        number,
      ]),
    );
    const calls = allowedCalls(unit).flatMap((name) => numbers.get(name) ?? []);
    const families = valuesOf(unit, 'RestrictAddressFamilies').map((name) => FAMILIES[name]);
    const command = ['perl', '-e', SANDBOX, families.join(' '), calls.join(' ')];
    execFileSync(command[0]!, [...command.slice(1), '/bin/true'], { stdio: 'pipe' });
    return command;
  } catch (error) {
    console.log(`SKIPPED, no system-call filter can be made here: ${(error as Error).message.trim()}`);
    return undefined;
  }
}

/** The names that the filter allows. systemd always allows @default. */
function allowedCalls(unit: string): string[] {
  const groups = new Map<string, string[]>();
  const listed = execFileSync('systemd-analyze', ['syscall-filter'], { encoding: 'utf8', stdio: 'pipe' });
  for (const [, name, body] of listed.matchAll(/^(@[\w-]+)\n((?: +.*\n)+)/gm)) {
    groups.set(
      name!,
      body!.split('\n').flatMap((line) => /^ +([@\w-]+)$/.exec(line)?.[1] ?? []),
    );
  }
  const expand = (name: string): string[] => groups.get(name)?.flatMap(expand) ?? [name];
  const allowed = new Set(expand('@default'));
  for (const line of linesOf(unit, 'SystemCallFilter')) {
    const names = line.replace('~', '').split(' ').flatMap(expand);
    for (const name of names) line.startsWith('~') ? allowed.delete(name) : allowed.add(name);
  }
  // Only root hands its files to an owner; the service's user is another.
  if (process.getuid?.() === 0) allowed.add('chown').add('fchown');
  return [...allowed];
}

function linesOf(unit: string, directive: string): string[] {
  return [...unit.matchAll(new RegExp(`^${directive}=(.*)$`, 'gm'))].map(([, value]) => value!);
}

function valuesOf(unit: string, directive: string): string[] {
  return linesOf(unit, directive).flatMap((line) => line.split(' '));
}
