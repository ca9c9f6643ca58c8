// Shows the registry's credentials, which need no token, with the fingerprints of its keys.
import { element, part, printable } from './element.js';

/** Pause between attempts: a starting registry has no credentials yet. */
const AGAIN_MS = 2_000;

/** Resolves when the credentials are shown. */
export async function showCredentials() {
  for (;;) {
    const response = await fetch('/api/registry').catch(() => undefined);
    if (response?.ok) return show(await response.json());
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** @param {any} registry as docs/reference/openapi.json describes it */
function show({ name, id, commsKey, sigKey, endPoints, version }) {
  part('registry-name').textContent = printable(name);
  document.title = `xlReg ${printable(name)}`;
  const fields = [
    ['ID', id],
    ['Comms key', `${commsKey.fingerprint} (RSA, ${commsKey.bits} bits)`],
    ['Sig key', `${sigKey.fingerprint} (RSA, ${sigKey.bits} bits)`],
    ...endPoints.map((/** @type {unknown} */ endPoint) => ['End point', endPoint]),
    ['Protocol', version],
  ];
  part('registry').replaceChildren(
    ...fields.flatMap(([label, value]) => [element('dt', '', label), element('dd', 'mono', printable(value))]),
  );
}
