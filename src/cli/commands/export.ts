// xlreg export: prints the whole table of a stopped registry as lines of JSON: clients, clusters, members, entries.
import { once } from 'node:events';
import type { StoredRecord } from '../../registry/command.ts';
import { readTable, type StoredTable } from '../../store/lmdb/table-reader.ts';
import { bigintOf, decodeRoster, decodeSealedFields } from '../../wire/message.ts';
import { readArguments } from '../client-flags.ts';
import { whileUnused } from '../data-directory.ts';
import { DATA_DIRECTORY_FLAGS, dataDirectoryOf } from '../operator-settings.ts';

/** Prints one object a line: keys and IDs in hex, attrs as decimal text because they have 64 bits. */
export async function exportTable(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, {
    positionals: [],
    options: { json: { type: 'boolean', default: true }, ...DATA_DIRECTORY_FLAGS },
  });
  await whileUnused(dataDirectoryOf(values), (directory) => readTable(directory, print));
  return 0;
}

async function print({ records }: StoredTable): Promise<void> {
  for (const some of records) {
    const lines = some.map((record) => `${JSON.stringify(describe(record))}\n`).join('');
    if (!process.stdout.write(lines)) await once(process.stdout, 'drain');
  }
}

/** The JSON of a record. A member that has the registration of its client has no keys of its own. */
function describe(record: StoredRecord): unknown {
  switch (record.kind) {
    case 'client': {
      const { kind, clientId, name, ephemeral, token, sealed, marked } = record;
      return { kind, clientId, name, ephemeral, ...tokenFields(token, sealed), ...(marked && { marked }) };
    }
    case 'cluster':
      return { ...record, attrs: String(record.attrs) };
    case 'seat':
      return { ...record, kind: 'member' };
    case 'member': {
      const { kind, clusterId, index, clientId, name, token, sealed } = record;
      return { kind, clusterId, index, clientId, name, ...tokenFields(token, sealed) };
    }
    case 'entry':
      return { ...record, value: hexOf(record.value) };
  }
}

function tokenFields(token: Uint8Array, sealed: Uint8Array | undefined) {
  const { Attrs, CommsKey, SigKey, MyEnds } = decodeRoster(token)[0]!;
  const fields = { attrs: String(bigintOf(Attrs)), commsKey: hexOf(CommsKey), sigKey: hexOf(SigKey) };
  return { ...fields, endPoints: MyEnds ?? [], ...(sealed && sealedFields(sealed)) };
}

/** The fields of a member that uses the sealed dialect. */
function sealedFields(sealed: Uint8Array) {
  const { SealKey, Seq, Statement, Labels } = decodeSealedFields(sealed);
  return { sealKey: hexOf(SealKey), seq: String(bigintOf(Seq)), statement: hexOf(Statement), labels: Labels ?? '' };
}

function hexOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}
