// The client's side of the Hello in the dialects `prefixed` and `chained`. Only the holder of the private comms key can
// answer it (H1 to H8).
import { randomBytes } from 'node:crypto';
import { DIALECTS } from '../wire/dialects.ts';
import { type DialectName, type Hello, sealHello } from '../wire/hello.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { PROTOCOL_VERSION } from '../wire/version.ts';
import { CbcCodec } from './cbc-codec.ts';
import { HelloRefused, ProtocolError, RegistryUnreachable, RegistryUntrusted, TURNED_AWAY } from './errors.ts';
import type { Handshake } from './handshake.ts';
import type { Transport } from './transport.ts';

/**
 * Sends a Hello and decrypts the reply. Rejects with RegistryUntrusted if the replier could not read the Hello, with
 * RegistryUnreachable if no reply comes.
 */
export async function exchangeHello(
  regCred: Pick<RegCred, 'commsKey'>,
  transport: Transport,
  dialectName: DialectName,
): Promise<Handshake> {
  const dialect = DIALECTS[dialectName];
  const hello: Hello = {
    dialect: dialectName,
    iv1: dialectName === 'chained' ? randomBytes(16) : undefined,
    key1: randomBytes(32),
    salt1: randomBytes(8),
    version1: PROTOCOL_VERSION,
  };
  transport.send(sealHello(regCred.commsKey, hello));
  const replyBytes = await receiveReply(transport, dialect.helloReplyBytes);
  const reply = dialect.openHelloReply(hello, replyBytes);
  if (reply === undefined) {
    throw new RegistryUntrusted('it could not read the Hello: it does not hold the comms key of these credentials');
  }
  const { keys, salt2, version2 } = reply;
  return {
    dialect: dialectName,
    version: version2,
    codec: new CbcCodec(keys, replyBytes),
    binding: salt2,
    maxWaitMs: 0,
  };
}

/** Receives a HelloReply. Its length is fixed, so on TCP the length ends it. */
async function receiveReply(transport: Transport, length: number): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array(0);
  do {
    try {
      bytes = Buffer.concat([bytes, await transport.arrivals.take()]);
    } catch (cause) {
      if (!(cause instanceof RegistryUnreachable)) throw cause;
      const why = `${TURNED_AWAY}, or it has another comms key than these credentials`;
      throw new HelloRefused(`the registry closed the connection without a HelloReply: ${why}`, { cause });
    }
  } while (transport.name === 'tcp' && bytes.length < length);
  if (bytes.length > length) throw new ProtocolError('the registry sent more than a HelloReply');
  return bytes;
}
