// The status page: signs in, reads the stream while the page is open, and passes its events to the parts. Invariant:
// the admin token is only in this tab's session storage and in request headers.
import { setCaller } from './caller.js';
import { ClusterList } from './cluster-list.js';
import { dismiss } from './confirmation.js';
import { showCredentials } from './credentials.js';
import { part, printable } from './element.js';
import { readEvents } from './event-stream.js';
import { duration } from './format.js';
import { forgetReport, reported, watchFreshness } from './freshness.js';
import { showHealth } from './health.js';
import { LimitTable } from './limit-table.js';
import { showOverview } from './overview.js';
import { addSample, clearSamples } from './samples.js';
import { SessionList } from './session-list.js';
import { showLog, showRefusals } from './trouble.js';

const TOKEN = 'xlreg-admin-token';
const WRONG_TOKEN = 'That is not the token of this registry.';
/** A stream that is silent for this long is dead, because the registry reports every second. */
const SILENCE_MS = 10_000;
const AGAIN_MS = 2_000;
/** A request without a reply for this long has failed. */
const REPLY_MS = 10_000;

const token = /** @type {HTMLInputElement} */ (part('token'));
const clusters = new ClusterList(ask);
const sessions = new SessionList(ask);
const limits = new LimitTable(ask);
/** Aborts all requests with the former token. */
let session = new AbortController();

part('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  const given = token.value.trim();
  token.value = '';
  // A header can have no other characters.
  if (!/^[\x21-\x7e]+$/.test(given)) return signOut(WRONG_TOKEN);
  sessionStorage.setItem(TOKEN, given);
  void watch();
});
part('forget').addEventListener('click', () => signOut(''));

/**
 * Requests a path of the API. Rejects with an Error that has the refusal's message and the `status`.
 * @param {string} path
 * @param {string} [method]
 */
async function ask(path, method = 'GET') {
  const signal = AbortSignal.any([session.signal, AbortSignal.timeout(REPLY_MS)]);
  const response = await fetch(path, { method, headers: authorization(), signal }).catch(() => {
    throw new Error('The registry does not answer.');
  });
  if (response.status === 401) signOut(WRONG_TOKEN);
  if (response.ok) return response.json();
  throw Object.assign(new Error(await refusalIn(response)), { status: response.status });
}

/**
 * The message of a refusal; the text of one that a proxy made.
 * @param {Response} response
 */
async function refusalIn(response) {
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return isJson ? JSON.parse(text).error.message : text.trim();
}

function authorization() {
  return { authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` };
}

/** Reads the stream, and reconnects until the user signs out. */
async function watch() {
  session.abort();
  session = new AbortController();
  const { signal } = session;
  showState('waiting', 'connecting');
  while (!signal.aborted) {
    const problem = await readStream(signal).catch(() => 'connection lost');
    if (signal.aborted) return;
    if (problem === WRONG_TOKEN) return signOut(problem);
    showState('failing', problem);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/**
 * Resolves to the cause of the stream's end.
 * @param {AbortSignal} signal
 */
async function readStream(signal) {
  const silence = new AbortController();
  let timeout = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const signals = AbortSignal.any([signal, silence.signal]);
    const response = await fetch('/api/status', { headers: authorization(), signal: signals });
    if (response.status === 401) return WRONG_TOKEN;
    if (!response.ok || !response.body) return refusalIn(response);
    // The role decides which buttons rows get, so it has to be known before them.
    setCaller(await ask('/api/whoami'));
    signedIn(true);
    for await (const { event, data } of readEvents(response.body)) {
      clearTimeout(timeout);
      timeout = setTimeout(() => silence.abort(), SILENCE_MS);
      if (event === 'clusters') clusters.showRecent(data.clusters);
      if (event === 'log') showLog(data);
      if (event === 'status') showStatus(data);
    }
    return 'connection lost';
  } finally {
    clearTimeout(timeout);
  }
}

/** @param {any} status */
function showStatus(status) {
  reported();
  addSample(status);
  const failing = showHealth(status);
  if (failing) showState('failing', `not ready: ${failing}`);
  else showState('ok', 'ready');
  showOverview(status);
  showRefusals(status);
  part('about').textContent = `xlReg ${printable(status.version)}, up ${duration(status.uptimeSeconds)}`;
  clusters.refresh();
  sessions.refresh();
  limits.refresh();
}

/** @param {string} problem the cause, or an empty string */
function signOut(problem) {
  session.abort();
  sessionStorage.removeItem(TOKEN);
  dismiss();
  clusters.clear();
  sessions.clear();
  clearSamples();
  forgetReport();
  setCaller(undefined);
  signedIn(false);
  part('sign-in-problem').textContent = problem;
  showState('waiting', 'signed out');
  if (problem) token.focus();
}

/** @param {boolean} yes */
function signedIn(yes) {
  part('sign-in').hidden = yes;
  part('live').hidden = !yes;
  part('forget').hidden = !yes;
  part('about').hidden = !yes;
  part('sign-in-problem').textContent = '';
}

/**
 * @param {'waiting' | 'ok' | 'failing'} state
 * @param {string} text
 */
function showState(state, text) {
  // The same text again would be read aloud again.
  if (part('state').textContent === printable(text)) return;
  part('state').dataset.state = state;
  part('state').textContent = printable(text);
}

watchFreshness(() => {
  if (part('state').dataset.state === 'ok') showState('failing', 'no answer');
});
if (sessionStorage.getItem(TOKEN)) void watch();
else signOut('');
void showCredentials();
