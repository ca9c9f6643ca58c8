// A child process that measures bare, written a second time: the crypto that a full session cannot avoid, in a loop. At
// each message it loops for so many milliseconds and answers with the CPU time of a session's crypto in microseconds.
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
} from 'node:crypto';

const PADDING = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const hello = publicEncrypt({ key: publicKey, ...PADDING }, Buffer.alloc(60, 7));
const der = publicKey.export({ type: 'pkcs1', format: 'der' });
const signed = Buffer.alloc(700, 3);
const signature = sign('sha1', signed, privateKey);
const [key, iv, message] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2), Buffer.alloc(80, 5)];

const importKey = () => createPublicKey({ key: der, format: 'der', type: 'pkcs1' });

function aes(cipher: ReturnType<typeof createCipheriv> | ReturnType<typeof createDecipheriv>): void {
  cipher.setAutoPadding(false);
  cipher.update(message);
  cipher.final();
}

/** One RSA decrypt, two key imports, one verify, five AES decrypts, six AES encrypts. */
function session(): void {
  privateDecrypt({ key: privateKey, ...PADDING }, hello);
  importKey();
  verify('sha1', signed, importKey(), signature);
  for (let i = 0; i < 5; i++) aes(createDecipheriv('aes-256-cbc', key, iv));
  for (let i = 0; i < 6; i++) aes(createCipheriv('aes-256-cbc', key, iv));
}

process.on('disconnect', () => process.exit());
process.on('message', (milliseconds: number) => {
  const before = process.cpuUsage();
  const end = performance.now() + milliseconds;
  let sessions = 0;
  for (; performance.now() < end; sessions++) session();
  const { user, system } = process.cpuUsage(before);
  process.send!((user + system) / sessions);
});
process.send!('ready');
