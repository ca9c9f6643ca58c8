// A counter that five processes share. Each adds to its own part; streams between the members carry the parts; the value
// is their sum. A process that was killed comes back as the same member and catches up.
//
// Usage: node counter.mjs REGCRED-FILE HOME NAME PORT      then on standard input:  add 5
// Each change prints `value` and the new sum. Nothing is printed before the first one.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beginSession, openMember, openStreams, parseRegCred } from 'xlreg/client';

const CLUSTER = { name: 'counter', size: 5 };
const [credentials, home, name, port] = process.argv.slice(2);

/** The sum that each member has added, by its ID. Parts only grow, so the larger of two is the newer one. */
const parts = new Map();
const links = new Map();

const regCred = parseRegCred(readFileSync(credentials, 'utf8'));
mkdirSync(home, { recursive: true, mode: 0o700 });
const member = await openMember(join(home, 'member'), { name, endPoints: [`127.0.0.1:${port}`] });
const own = member.id;
const file = join(home, 'part');
if (existsSync(file)) parts.set(own, Number(readFileSync(file, 'utf8')));

const { session } = await beginSession(regCred, {}, async (opened) => {
  await opened.identify(member);
  // Without a confirm time a member that is killed while the others start keeps its seat.
  await opened.create(CLUSTER.name, { size: CLUSTER.size, confirmMs: 0 });
  await opened.join(CLUSTER.name);
});
await session.bye();

const streams = await openStreams(regCred, member, CLUSTER.name, { pollMs: 500 });
streams.on('stream', link);
streams.on('roster', dialAll);
await streams.listen({ port: Number(port), host: '127.0.0.1' });
dialAll();
setInterval(dialAll, 500);

for await (const line of createInterface({ input: process.stdin })) {
  const [, amount] = /^add (\d+)$/.exec(line) ?? [];
  if (amount !== undefined) add(Number(amount));
}

function add(amount) {
  const part = (parts.get(own) ?? 0) + amount;
  // On disk before anybody learns of it: what was told is not taken back by a crash.
  writeFileSync(`${file}.new`, String(part), { flush: true });
  renameSync(`${file}.new`, file);
  merge({ [own]: part });
}

/** The member with the lower ID dials the other one, so that two members have one link. */
function dialAll() {
  for (const { id } of streams.peers) {
    const peer = Buffer.from(id).toString('hex');
    if (own > peer || links.has(peer)) continue;
    links.set(peer, undefined);
    streams.dial(id).then(link, () => links.delete(peer));
  }
}

function link(stream) {
  const peer = Buffer.from(stream.peer.id).toString('hex');
  links.get(peer)?.destroy();
  links.set(peer, stream);
  // A cut is no loss: the whole state is sent again over the next link.
  stream.on('error', () => {});
  stream.on('close', () => links.get(peer) === stream && links.delete(peer));
  send(stream);
  createInterface({ input: stream })
    .on('line', (line) => merge(JSON.parse(line)))
    .on('error', () => {});
}

function merge(news) {
  const changed = Object.entries(news).filter(([id, part]) => part > (parts.get(id) ?? 0));
  for (const [id, part] of changed) parts.set(id, part);
  if (changed.length === 0) return;
  console.log(`value ${[...parts.values()].reduce((sum, part) => sum + part, 0)}`);
  for (const stream of links.values()) if (stream !== undefined) send(stream);
}

function send(stream) {
  stream.write(`${JSON.stringify(Object.fromEntries(parts))}\n`);
}
