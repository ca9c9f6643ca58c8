import { open } from 'lmdb';
import { rmSync, mkdirSync, readdirSync, statSync } from 'node:fs';
process.on('unhandledRejection', e => console.log('UNHANDLED', e?.message, e?.commitError?.message));
const dir = process.argv[2]; const n = Number(process.argv[3]);
const env = open({ path: dir, overlappingSync: false, keyEncoding: 'binary', encoding: 'binary', cache: false, compression: false, maxDbs: 1 });
console.log(Object.keys(env.getStats()));
const val = Buffer.alloc(900, 1);
let t = performance.now(); let i = 0;
try {
  for (; i < n;) {
    const p = env.transactionSync(() => { for (let k = 0; k < 100; k++) { const key = Buffer.alloc(33); key[0] = 0x61; key.writeUInt32BE((i++ * 2654435761) >>> 0, 1); if (env.getBinaryFast(key)) throw new Error('dup'); env.putSync(key, val); } });
    await p;
  }
} catch (e) { console.log('ERR', e.code, e.message, e.commitError && (await e.commitError.catch?.(x => x) )?.message, 'at', i); }
console.log('wrote', i, performance.now() - t, 'ms');
console.log(readdirSync(dir).map(f=>f+':'+statSync(dir+'/'+f).size));
t = performance.now(); let c = 0, b = 0;
for (const { key, value } of env.getRange({})) { c++; b += value.length; }
console.log('range', c, b, performance.now() - t);
try { env.transactionSync(() => { env.putSync(Buffer.from("x1"), Buffer.from('y')); }); console.log('small write ok'); } catch (e) { console.log('small write', e.message, e.commitError && (await Promise.resolve(e.commitError).catch(x=>x))?.message); }
t = performance.now(); const N=200; for (let k=0;k<N;k++) env.transactionSync(()=>{ env.putSync(Buffer.from("z"+k%10), val); }); console.log('per commit us', (performance.now()-t)/N*1000);
await env.close();
