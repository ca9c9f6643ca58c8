// The reader's token: its name, and what its role may do. This only decides what is shown; the registry refuses the
// rest by itself.
import { part, printable } from './element.js';

/** Each role may do what those before it may. */
const ROLES = ['read', 'operate', 'admin'];
/** The role that each action needs. */
const NEEDS = /** @type {const} */ ({ evict: 'operate', delete: 'operate' });

/** Undefined until it is known: nothing is allowed then. @type {{ name: string, role: string } | undefined} */
let caller;

/** @param {any} known the reply of GET /api/whoami, or undefined */
export function setCaller(known) {
  caller = known;
  const until = known?.expires ? `, until ${new Date(known.expires).toLocaleString('en-GB')}` : '';
  part('caller').textContent = known ? `${printable(known.name)} (${printable(known.role)}${until})` : '';
}

/** @param {keyof typeof NEEDS} action */
export function may(action) {
  return caller !== undefined && ROLES.indexOf(caller.role) >= ROLES.indexOf(NEEDS[action]);
}
