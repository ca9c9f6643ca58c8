// Joins a cluster from a web page, shows its roster as it changes, and leaves it. Serve this folder with xlreg.js, which is the module
// `xlreg/browser`, and regCred.dat, the credentials of your registry, beside it. The registry must allow the page's
// origin: `--allowed-origins http://localhost:3000`.
import { connect, openMember, parseRegCred } from './xlreg.js';

const form = document.querySelector('#form');
const state = document.querySelector('#state');
const leave = document.querySelector('#leave');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    await join(Object.fromEntries(new FormData(form)));
  } catch (error) {
    state.textContent = `${error.name}: ${error.message}`;
  }
  leave.hidden = true;
});

async function join({ url, cluster, size, confirm, name, endPoint, joinToken }) {
  state.textContent = 'signing in …';
  // Credentials come with the page, from where the page's own code comes; never from the registry itself.
  const registry = await parseRegCred(await (await fetch('regCred.dat')).text());
  const member = await openMember({ name, endPoints: [endPoint] });
  const session = await connect(registry, { url, member, joinToken: joinToken || undefined });
  // A cluster that admits by join tokens exists already.
  if (!joinToken) await session.create(cluster, { size: Number(size), confirmMs: 1_000 * Number(confirm) });
  const { clusterId } = await session.join(cluster);
  // Without its seat the member's watch ends, too.
  leave.onclick = () => session.leave(cluster).catch(() => {});
  leave.hidden = false;
  try {
    for await (const roster of session.watch(clusterId, { follow: true })) show(roster);
  } finally {
    session.close();
  }
}

function show({ members, size, complete, confirming, confirmed }) {
  const missing = members.filter(({ index }) => !((confirmed ?? 0n) & (1n << BigInt(index))));
  if (complete) state.textContent = `complete: ${members.length} of ${size} members`;
  else if (confirming) state.textContent = `not yet confirmed: ${missing.map(({ name }) => name).join(', ')}`;
  else state.textContent = `${members.length} of ${size} members`;
  document.querySelector('table').hidden = false;
  document.querySelector('#members').replaceChildren(...members.map(row));
}

function row({ index, name, endPoints, verified, unverified }) {
  const cells = [index, name, endPoints.join(', '), verified ? 'yes' : `no: ${unverified}`];
  const tr = document.createElement('tr');
  tr.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
  return tr;
}
