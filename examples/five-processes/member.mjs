// One of five processes that form a cluster. Each serves its name over HTTP, joins, and then asks each of the others
// for its name, at the end points of the roster. They may start in any order, also before the registry.
//
// Usage: node member.mjs REGISTRY STORE NAME PORT
//   REGISTRY   a file regCred.dat, or the URL of one
//   STORE      a directory for the keys of this member
import { createServer } from 'node:http';
import { joinCluster } from 'xlreg/client';

const [registry, store, name, port] = process.argv.slice(2);

/** The other members; undefined until the cluster is complete. */
let others;
/** Names of the members that have asked this one. */
const asked = new Set();
const server = createServer((request, response) => {
  asked.add(request.headers['x-asks']);
  response.end(name);
  endOnceAsked();
});
server.listen(Number(port), '127.0.0.1');

const cluster = await joinCluster({
  registry,
  ...{ cluster: 'five', size: 5 },
  ...{ name, endPoints: [`127.0.0.1:${port}`], store },
  expected: ['a', 'b', 'c', 'd', 'e'],
  deadlineMs: 600_000,
});
others = cluster.members().filter((member) => member.name !== name);
for (const member of others) {
  const response = await fetch(`http://${member.endPoints[0]}/`, { headers: { 'x-asks': name } });
  if ((await response.text()) !== member.name) throw new Error(`${member.name} is not at ${member.endPoints[0]}`);
}
console.log(`${name}, seat ${cluster.self.index}: reached ${others.map((member) => member.name).join(', ')}`);
// The seat stays without a session.
await cluster.close();
endOnceAsked();

/** Ends the process once each of the others has asked it. */
function endOnceAsked() {
  if (others?.length === asked.size) server.close();
}
