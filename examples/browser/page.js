// Joins a cluster from a web page and shows its roster. Serve this folder with xlreg.js, which is the module
// `xlreg/browser`, and regCred.dat, the credentials of your registry, beside it. The registry must allow the page's
// origin: `--allowed-origins http://localhost:3000`.
import { connect, openMember, parseRegCred } from './xlreg.js';

const form = document.querySelector('#form');
const state = document.querySelector('#state');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    await join(Object.fromEntries(new FormData(form)));
  } catch (error) {
    state.textContent = `${error.name}: ${error.message}`;
  }
});

async function join({ url, cluster, size, name, endPoint }) {
  state.textContent = 'signing in …';
  // Credentials come with the page, from where the page's own code comes; never from the registry itself.
  const registry = await parseRegCred(await (await fetch('regCred.dat')).text());
  const member = await openMember({ name, endPoints: [endPoint] });
  const session = await connect(registry, { url, member });
  await session.create(cluster, { size: Number(size) });
  const { clusterId } = await session.join(cluster);
  for (;;) {
    const roster = await session.cluster(clusterId);
    show(roster);
    if (roster.full) break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await session.bye();
}

function show({ members, size, full }) {
  state.textContent = full ? `complete: ${size} members` : `${members.length} of ${size} members`;
  document.querySelector('table').hidden = false;
  document.querySelector('#members').replaceChildren(...members.map(row));
}

function row({ index, name, endPoints, verified, unverified }) {
  const cells = [index, name, endPoints.join(', '), verified ? 'yes' : `no: ${unverified}`];
  const tr = document.createElement('tr');
  tr.append(...cells.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
  return tr;
}
