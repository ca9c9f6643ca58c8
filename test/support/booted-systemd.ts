// systemd itself, booted in namespaces of Linux over a copy-on-write view of this machine: it starts nothing but the unit
// under test, and cannot change the machine. Needs root, and Debian's systemd.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from './until.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const BOOT_MS_MAX = 20_000;
const UNSHARE = 'unshare --cgroup --pid --mount --net --uts --ipc --fork --kill-child=SIGKILL';

/** Moves this process, which ends with its parent, into a control group of its own, which `$1` names. */
const ENTER = `set -e
groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ "$groups" ] || { echo no control groups of version 2 are mounted >&2; exit 1; }
group=$groups/$1
mkdir "$group"
echo $$ > "$group/cgroup.procs"
exec setpriv --pdeathsig KILL ${UNSHARE} sh -ec "$2" sh "$3" "$4" "$5"`;

/** Becomes the systemd of a root directory in `$1`, where the program xlreg is the Node `$2` with the checkout `$3`. */
const BOOT = `mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
cd "$1"
mkdir up work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" root
cd root
mount -t proc proc proc
mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "dev/\${node%:*}" c 1 "\${node#*:}"; done
mknod -m 666 dev/tty c 5 0
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ip link set lo up
# Nothing of this machine starts.
rm -rf etc/systemd/system usr/lib/systemd/system/*.wants usr/lib/systemd/system-generators
mkdir etc/systemd/system
for target in boot sysinit basic network-online; do echo [Unit] > "etc/systemd/system/$target.target"; done
# Outside of /home, which the unit hides.
mkdir -p opt/xlreg mnt
mount --bind "$3" opt/xlreg
touch opt/node
mount --bind "$2" opt/node
printf '#!/bin/sh\\nexec /opt/node /opt/xlreg/dist/src/cli/main.js "$@"\\n' > usr/bin/xlreg
chmod 755 usr/bin/xlreg
cp "$3/packaging/systemd/xlreg.service" etc/systemd/system/
# Nor is anything of a registry of this machine here.
rm -rf etc/xlreg var/lib/xlreg var/lib/private/xlreg
for users in passwd shadow group gshadow; do [ ! -e "etc/$users" ] || sed -i /^xlreg:/d "etc/$users"; done
install -D -m 644 "$3/packaging/debian/config.json" etc/xlreg/config.json
install -d -m 700 etc/xlreg/credentials
pivot_root . mnt
umount -l /mnt
mount --make-rshared /
exec env -i container=xlreg PATH=/usr/bin:/usr/sbin /usr/lib/systemd/systemd --unit=boot.target --log-target=null < /dev/null`;

export class BootedSystemd {
  readonly #directory: string;
  readonly #group: string;
  readonly #child: ChildProcess;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#group = directory.split('/').at(-1)!;
    const words = ['-c', ENTER, 'sh', this.#group, BOOT, directory, process.execPath, PROJECT];
    this.#child = spawn('sh', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** Boots. Resolves to undefined and logs the reason if that is not possible here. */
  static async boot(): Promise<BootedSystemd | undefined> {
    const systemd = new BootedSystemd(mkdtempSync(join(tmpdir(), 'xlreg-systemd-')));
    let said = '';
    systemd.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const giveUp = performance.now() + BOOT_MS_MAX;
    const isOver = () => systemd.#hasEnded || performance.now() > giveUp;
    await until(() => isOver() || systemd.run('systemctl', 'is-system-running').text.trim() === 'running');
    if (!isOver()) return systemd;
    await systemd.stop();
    console.log(`SKIPPED, systemd cannot be booted here: ${said.trim()}`);
    return undefined;
  }

  /** Runs a command as root beside the unit. */
  run(...command: readonly string[]): { readonly status: number | null; readonly text: string } {
    const pid = this.#pid;
    if (pid === undefined) return { status: null, text: '' };
    const spaces = ['--mount', '--pid', '--net', '--uts', '--ipc', '--cgroup', '--root', '--wd'];
    const env = { PATH: '/usr/bin:/usr/sbin' };
    const { status, stdout, stderr } = spawnSync('nsenter', ['-t', pid, ...spaces, ...command], {
      encoding: 'utf8',
      env,
    });
    return { status, text: `${stdout}${stderr}` };
  }

  /** Ends everything, and leaves nothing. */
  async stop(): Promise<void> {
    const ended = this.#hasEnded ? undefined : once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    const mounts = readFileSync('/proc/mounts', 'utf8');
    const groups = `${/^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1]}/${this.#group}`;
    // A killed process leaves its group a moment later.
    const remove = ['-c', `[ ! -e "$0" ] || find "$0" -depth -type d -exec rmdir {} +`, groups];
    await until(() => spawnSync('sh', remove, { stdio: 'ignore' }).status === 0);
    rmSync(this.#directory, { recursive: true });
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** systemd is the only child of unshare, which the shell has become. */
  get #pid(): string | undefined {
    const { pid } = this.#child;
    const children = execFileSync('sh', ['-c', `cat /proc/${pid}/task/${pid}/children 2> /dev/null || :`], {
      encoding: 'utf8',
    });
    return children.trim().split(' ')[0] || undefined;
  }
}
