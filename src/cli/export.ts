// xlreg export: the whole table as lines of JSON, clients first, then clusters, then members.
import { once } from 'node:events';
import type { Change, LoadedMember } from '../registry/command.ts';
import { readTable } from '../store/lmdb-store.ts';
import { bigintOf, decodeRoster } from '../wire/message.ts';
import { readArguments } from './client-flags.ts';
import { DATA_DIRECTORY } from './data-directory.ts';

/** One object a line; keys and IDs in hex, attrs as decimal text, since they have 64 bits. */
export async function exportTable(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, {
    positionals: [],
    options: { json: { type: 'boolean', default: true }, 'data-dir': { type: 'string', default: DATA_DIRECTORY } },
  });
  await readTable(values['data-dir'], async ({ records }) => {
    for (const some of records) {
      const lines = some.map((record) => `${JSON.stringify(describe(record))}\n`).join('');
      if (!process.stdout.write(lines)) await once(process.stdout, 'drain');
    }
  });
  return 0;
}

/** A member without a token has that of its client. */
function describe(record: Change | LoadedMember): unknown {
  if (record.kind === 'client') {
    const { kind, clientId, name, ephemeral, token } = record;
    return { kind, clientId, name, ephemeral, ...tokenFields(token) };
  }
  if (record.kind === 'cluster') return { ...record, attrs: String(record.attrs) };
  if (record.kind !== 'member') throw new Error(`a store does not keep ${record.kind}`);
  const { kind, clusterId, index, clientId, name, token } = record;
  return { kind, clusterId, index, clientId, name, ...(token && tokenFields(token)) };
}

function tokenFields(token: Uint8Array) {
  const { Attrs, CommsKey, SigKey, MyEnds } = decodeRoster(token)[0]!;
  const [commsKey, sigKey] = [CommsKey, SigKey].map((key) => Buffer.from(key!).toString('hex'));
  return { attrs: String(bigintOf(Attrs)), commsKey, sigKey, endPoints: MyEnds ?? [] };
}
