// Asks before a change that cannot be undone. The dialog is modal: the rest of the page is inert, Escape cancels.
import { part, printable } from './element.js';

const dialog = /** @type {HTMLDialogElement} */ (part('confirm'));
const cancel = /** @type {HTMLButtonElement} */ (part('confirm-cancel'));
const action = /** @type {HTMLButtonElement} */ (part('confirm-action'));

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} object the name of what is changed
 * @property {string} consequence
 * @property {string} label of the button that does it
 * @property {() => Promise<unknown>} perform makes the change; rejects with an error to show
 */

/** Makes the change of the open dialog; undefined while it is closed. @type {Question['perform'] | undefined} */
let perform;
/** @type {(done: boolean) => void} */
let settle = () => {};

/**
 * Resolves to true when the change is made, to false if the reader cancels.
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, object, consequence, label, perform: change }) {
  part('confirm-title').textContent = title;
  part('confirm-object').textContent = printable(object);
  part('confirm-text').textContent = consequence;
  part('confirm-problem').textContent = '';
  action.textContent = label;
  action.disabled = false;
  perform = change;
  dialog.showModal();
  // A key pressed too often must not make the change.
  cancel.focus();
  return new Promise((resolve) => {
    settle = resolve;
  });
}

/** Closes the dialog without a change. */
export function dismiss() {
  dialog.close();
}

dialog.addEventListener('close', () => {
  perform = undefined;
  settle(false);
});
cancel.addEventListener('click', () => dialog.close());
action.addEventListener('click', async () => {
  const asked = perform;
  if (!asked) return;
  action.disabled = true;
  try {
    await asked();
    if (asked !== perform) return;
    settle(true);
    dialog.close();
  } catch (error) {
    if (asked !== perform) return;
    part('confirm-problem').textContent = printable(error instanceof Error ? error.message : error);
    action.disabled = false;
    action.focus();
  }
});
// Without this, Tab leaves the dialog for the browser's own controls.
dialog.addEventListener('keydown', (event) => {
  if (event.key !== 'Tab') return;
  const stops = [cancel, action].filter((button) => !button.disabled);
  const at = stops.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  event.preventDefault();
  stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length].focus();
});
