// The crypto that a Hello and a full session cannot avoid on the server, in the dialects sealed and prefixed.
import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt, randomBytes, sign, verify } from 'node:crypto';
import { CipherState } from '../../src/noise/cipher-state.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { generateKeyPair } from '../../src/noise/key-pair.ts';
import { decryptBlocks, encryptBlocks } from '../../src/wire/aes-cbc.ts';
import { signPss, verifyAllPss } from '../../src/wire/pss.ts';
import { exportSpki, importPublicKey, parseSpki } from '../../src/wire/rsa-key.ts';
import { cpuPerOp } from './cpu-per-op.ts';

/** CPU microseconds on one thread. */
export interface DialectCrypto {
  readonly hello: number;
  /** The Hello included. */
  readonly session: number;
}

/** Messages each way after the Hello. */
const MESSAGES = 5;
const [MESSAGE_BYTES, CERT_BYTES, SIGNED_BYTES] = [80, 286, 700];
const NOTHING = new Uint8Array(0);

/** Measures each loop, without the load of a server. */
export function measureDialectCrypto(): Readonly<Record<'sealed' | 'prefixed', DialectCrypto>> {
  return { sealed: costOf(sealedCrypto()), prefixed: costOf(prefixedCrypto()) };
}

interface Loops {
  hello(): unknown;
  session(): unknown;
}

function costOf({ hello, session }: Loops): DialectCrypto {
  return { hello: cpuPerOp(hello), session: cpuPerOp(session) };
}

/** Key generation, import, two DHs, three HKDFs and two AEADs; then import of a SigKey, two verifies, AEAD both ways. */
function sealedCrypto(): Loops {
  const [s, e] = [generateKeyPair(), generateKeyPair()];
  const [prologue, cert, message] = [randomBytes(16), randomBytes(CERT_BYTES), randomBytes(MESSAGE_BYTES)];
  const request = new HandshakeState('NX', 'initiator', { prologue, e }).writeMessage(randomBytes(16));
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const sigKey = parseSpki(exportSpki(publicKey))!;
  const bytes = randomBytes(SIGNED_BYTES);
  const signed = { bytes, signature: signPss(privateKey, bytes) };
  const hello = () => {
    const handshake = new HandshakeState('NX', 'responder', { prologue, s, e: generateKeyPair() });
    handshake.readMessage(request);
    handshake.writeMessage(cert);
    return handshake.split();
  };
  const key = randomBytes(32);
  const frame = new CipherState(key).encryptWithAd(NOTHING, message);
  return {
    hello,
    session() {
      const { send } = hello();
      verifyAllPss(sigKey, [signed, signed]);
      for (let i = 0; i < MESSAGES; i++) {
        new CipherState(key).decrypt(frame);
        send.encryptWithAd(NOTHING, message);
      }
    },
  };
}

/** An RSA decrypt and an AES encrypt; then imports of both keys, a verify, AES both ways. */
function prefixedCrypto(): Loops {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  const request = publicEncrypt({ key: publicKey, ...oaep }, randomBytes(60));
  const parts = parseSpki(exportSpki(publicKey))!;
  const bytes = randomBytes(SIGNED_BYTES);
  const signature = sign('sha1', bytes, privateKey);
  const [key, iv, message] = [randomBytes(32), randomBytes(16), randomBytes(MESSAGE_BYTES)];
  const hello = () => {
    privateDecrypt({ key: privateKey, ...oaep }, request);
    return encryptBlocks(key, iv, message);
  };
  return {
    hello,
    session() {
      hello();
      importPublicKey(parts);
      verify('sha1', bytes, importPublicKey(parts), signature);
      for (let i = 0; i < MESSAGES; i++) {
        decryptBlocks(key, iv, message);
        encryptBlocks(key, iv, message);
      }
    },
  };
}
