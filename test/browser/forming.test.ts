// Forming clusters with `xlreg/browser` in Debian's Chromium: confirmation, waits, Leave, join tokens and saved rosters,
// against a real registry.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect as connectClient, createJoinToken, type Member, parseRegCred } from '../../src/client/index.ts';
import { parseFile, verifyRoster } from '../field/sealed/kept-roster.ts';
import { chromiumProgram } from '../support/chromium.ts';
import { newMember } from '../support/new-member.ts';
import { until } from '../support/until.ts';
import { BrowserSite, rows, state } from './browser-site.ts';

const executable = chromiumProgram();

/** The number behind this name, with its labels, on the registry's page of metrics. */
async function metric(site: BrowserSite, name: string): Promise<number> {
  const line = (await site.registry.process.metrics()).split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

/** Begins a session in a page and keeps it as `session`; the module's names are in `xlreg`. */
async function connect(site: BrowserSite, tab: Page, name: string, options = ''): Promise<void> {
  const code = `
    xlreg = await import('/xlreg.js');
    registry = await xlreg.parseRegCred(await (await fetch('regCred.dat')).text());
    const member = await xlreg.openMember({ name: '${name}', endPoints: ['localhost:4001'] });
    session = await xlreg.connect(registry, { url: '${site.url}', member, ${options} });`;
  await run(tab, code);
}

/** Runs code in a page with the names of `connect`. */
async function run<T>(tab: Page, code: string): Promise<T> {
  return (await tab.evaluate(`(async () => { ${code} })()`)) as T;
}

describe.skipIf(executable === undefined)('xlreg/browser', () => {
  let site: BrowserSite;
  beforeAll(async () => {
    site = await BrowserSite.start(executable!);
  });
  afterAll(async () => {
    expect(await site.stop()).toBe(0);
  });

  const tabs = async (count: number) => await Promise.all(Array.from({ length: count }, () => site.openNew()));

  it('confirms a round, and shows who leaves (Q4, A8)', async () => {
    const [first, second] = await tabs(2);
    const fields = { cluster: 'forming', size: '2', confirm: '600' };
    await site.join(first!, { ...fields, name: 'alice' });
    await state(first!, /1 of 2 members/);
    await site.join(second!, { ...fields, name: 'bob' });
    for (const tab of [first!, second!]) await state(tab, /complete: 2 of 2 members/);
    await second!.click('#leave');
    await state(second!, /no longer a member of the cluster: it has left/);
    await state(first!, /complete: 1 of 2 members/);
    expect((await rows(first!)).map(([index, name]) => [index, name])).toEqual([['0', 'alice']]);
  });

  it('waits for changes instead of polling, and lets other requests pass (V5, V6)', async () => {
    const [first, second] = await tabs(2);
    await connect(site, first!, 'alice');
    await connect(site, second!, 'bob');
    const create = `
      await session.create('waiting', { size: 2 });
      cluster = await session.join('waiting');
      seen = [];
      watching = (async () => {
        for await (const { members } of session.watch(cluster.clusterId)) seen.push(members.length);
      })();`;
    await run(first!, create);
    await until(async () => (await metric(site, 'xlreg_waits_parked')) > 0);
    const before = await metric(site, 'xlreg_messages_total{op="GetCluster"}');

    // Two requests pass the wait. A second watch of the session is refused.
    const passing = `
      const roster = await session.cluster(cluster.clusterId);
      await session.create('another', { size: 2 });
      const again = await session.watch(cluster.clusterId).next().catch((error) => error.name);
      return [roster.members.length, again];`;
    expect(await run(first!, passing)).toEqual([1, 'TypeError']);
    await run(second!, "await session.join('waiting')");
    expect(await run(first!, 'await watching; return seen')).toEqual([1, 2]);
    // One request of its own, one in place of the ended wait, and at most two until completion is told.
    expect((await metric(site, 'xlreg_messages_total{op="GetCluster"}')) - before).toBeLessThanOrEqual(5);
  });

  it('joins again after a round has passed without it (Q7)', async () => {
    const [late, other] = await tabs(2);
    await connect(site, late!, 'late');
    await connect(site, other!, 'other');
    const join = `
      await session.create('passed', { size: 2, confirmMs: 15_000 });
      cluster = await session.join('passed');`;
    const watch = `
      seats = [];
      watching = (async () => {
        for await (const { yourSeat } of session.watch(cluster.clusterId)) seats.push(yourSeat);
      })();`;
    await run(late!, join);
    await run(other!, join + watch);
    await until(async () => (await metric(site, 'xlreg_round_seats_removed_total')) > 0);
    await run(late!, watch);
    const [first, ...rest] = await run<number[]>(late!, 'await watching; return seats');
    expect(first).toBe(65);
    expect(rest.at(-1)).toBe(0);
    expect((await run<number[]>(other!, 'await watching; return seats')).at(-1)).toBe(1);
  }, 120_000);

  it('ends a watch by a signal', async () => {
    const [tab] = await tabs(1);
    await connect(site, tab!, 'alice');
    const code = `
      await session.create('aborted', { size: 2 });
      const { clusterId } = await session.join('aborted');
      const stop = new AbortController();
      try {
        for await (const _ of session.watch(clusterId, { signal: stop.signal })) setTimeout(() => stop.abort(), 1);
      } catch (error) {
        await session.bye();
        return error.name;
      }`;
    expect(await run(tab!, code)).toBe('AbortError');
  });

  it('creates a cluster with join tokens, and joins with one (A1 to A3, E7)', async () => {
    const [owner, guest, stranger] = await tabs(3);
    await connect(site, owner!, 'owner');
    const code = `
      const token = xlreg.createJoinToken();
      await session.create('closed', { size: 2, joinTokens: [{ token, uses: 1, ttlMs: 3_600_000 }] });
      return token;`;
    const token = await run<string>(owner!, code);
    expect(token).toMatch(/^xlj_[A-Za-z0-9_-]{22}$/);

    await connect(site, stranger!, 'stranger');
    const refused = `
      const error = await session.join('closed').catch((error) => error);
      return { name: error.name, text: error.text, details: error.details };`;
    expect(await run(stranger!, refused)).toMatchObject({
      ...{ name: 'RegistryRefused', text: 'join token needed', details: { code: 31, retryable: false } },
    });
    await site.join(guest!, { cluster: 'closed', name: 'guest', joinToken: token });
    await state(guest!, /1 of 2 members/);
    const bad = "return await xlreg.connect(registry, { joinToken: 'xlj_short' }).catch((error) => error.message)";
    expect(await run(owner!, bad)).toMatch(/no join token/);
  });

  it('tells a replaced member from one that has left (A5)', async () => {
    const regCred = parseRegCred(site.regCred);
    const [owner, successor] = ['owner', 'guest'].map((name) => newMember({ name, endPoints: ['127.0.0.1:4001'] }));
    const [token, other] = [createJoinToken(), createJoinToken()];
    const as = async (member: Member, joinToken?: string) => {
      const session = await connectClient(regCred, { joinToken });
      await session.identify(member);
      return session;
    };
    await using owning = await as(owner!);
    await owning.create('replaced', { size: 2, joinTokens: [{ token }] });
    const [guest] = await tabs(1);
    await connect(site, guest!, 'guest', `joinToken: '${token}'`);
    const watch = `
      const { clusterId } = await session.join('replaced');
      rosters = 0;
      watching = (async () => {
        for await (const _ of session.watch(clusterId)) rosters += 1;
      })().catch(({ name, code, message }) => ({ name, code, message }));`;
    await run(guest!, watch);
    await until(() => run<boolean>(guest!, 'return rosters > 0'));
    await owning.changeJoinTokens('replaced', { add: [{ token: other, forName: 'guest', replace: true }] });
    await using anew = await as(successor!, other);
    await anew.join('replaced');
    expect(await run(guest!, 'return await watching')).toEqual({
      ...{ name: 'NoLongerMember', code: 'MEMBERSHIP_REPLACED' },
      message: 'no longer a member of the cluster: member has been replaced',
    });
  });

  it('saves a roster that verifies offline, and refuses a changed or older one (W2 to W5)', async () => {
    const [first, second] = await tabs(2);
    await connect(site, first!, 'alice');
    await connect(site, second!, 'bob');
    const form = `
      await session.create('kept', { size: 2 });
      const { clusterId } = await session.join('kept');
      for await (const _ of session.watch(clusterId));
      return Array.from(file = await session.savedRoster(clusterId));`;
    const [bytes] = await Promise.all([run<number[]>(first!, form), run(second!, form)]);
    const { id, sigKey } = site.registry.file;
    const kept = parseFile(Buffer.from(bytes));
    expect(verifyRoster({ id, sigKey }, kept)).toMatchObject({ name: 'kept', epoch: 1n });

    await run(second!, "await session.leave('kept')");
    const verify = `
      const store = new xlreg.TransientStore();
      const verdict = (bytes) => xlreg.verifySavedRoster(bytes, registry, store).then(
        ({ cluster, epoch, members }) => [cluster, epoch, ...members.map(({ token, stated }) => token.name + stated)],
        (error) => error.name + ': ' + error.message);
      const text = new TextDecoder().decode(file);
      const { body, signature, tokens } = JSON.parse(text);
      const changed = (fields) => verdict(new TextEncoder().encode(JSON.stringify({ ...JSON.parse(text), ...fields })));
      const flip = (base64, at) => {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        bytes[at < 0 ? bytes.length + at : at] ^= 1;
        return btoa(String.fromCharCode(...bytes));
      };
      const { clusterId } = await session.create('kept', { size: 2 });
      const later = await session.savedRoster(clusterId);
      return [
        await verdict(file), await changed({ body: flip(body, -1) }), await changed({ signature: flip(signature, 9) }),
        await changed({ tokens: [flip(tokens[0], -1), tokens[1]] }), await changed({ tokens: tokens.slice(1) }),
        await changed({ format: 'other' }), await verdict(later), await verdict(file),
      ];`;
    const verdicts = await run<(string | (string | number)[])[]>(first!, verify);
    // Both join at once, so either may have seat 0.
    expect([...(verdicts[0] as string[])].sort()).toEqual([1, 'alicetrue', 'bobtrue', 'kept']);
    expect(verdicts.slice(1, 6)).toEqual([
      'SavedRosterError: the registry of the credentials has not signed it',
      'SavedRosterError: the registry of the credentials has not signed it',
      expect.stringMatching(/^SavedRosterError: a member/),
      'SavedRosterError: it has another number of members',
      'SavedRosterError: it is no saved roster',
    ]);
    expect(verdicts[6]).toEqual(['kept', 2, 'alicetrue']);
    expect(verdicts[7]).toBe('SavedRosterError: it is of epoch 1, and 2 has been seen (terms 1, 1)');
  });
});

describe.skipIf(executable === undefined)('xlreg/browser at a registry without waits', () => {
  it('polls until a cluster with a confirm time is complete', async () => {
    const site = await BrowserSite.start(executable!, ['--max-wait-ms', '0']);
    try {
      const tabs = [await site.openNew(), await site.openNew()];
      const fields = { cluster: 'polled', size: '2', confirm: '600' };
      await site.join(tabs[0]!, { ...fields, name: 'alice' });
      await state(tabs[0]!, /1 of 2 members/);
      await site.join(tabs[1]!, { ...fields, name: 'bob' });
      for (const tab of tabs) await state(tab, /complete: 2 of 2 members/);
      expect(await metric(site, 'xlreg_waits_ended_total{end="change"}')).toBe(0);
    } finally {
      await site.stop();
    }
  });
});
