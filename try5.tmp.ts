import { open } from 'lmdb';
const t = open<Buffer, any>({ path: '/tmp/db4/table', readOnly: true, overlappingSync:false, keyEncoding:'binary', encoding:'binary', cache:false, compression:false });
let n=0; const keep: Buffer[]=[]; 
for (const {key,value} of t.getRange({start: Buffer.of(1), end: Buffer.of(2)})) { if (n++<3) { console.log(value.byteOffset, value.buffer.byteLength, value.length, key.byteOffset, key.buffer.byteLength); keep.push(value); } }
console.log(keep.map(k=>k.subarray(0,20).toString('hex')));
let s=performance.now(); n=0; for (const {key,value} of t.getRange({start: Buffer.of(1), end: Buffer.of(2)})) n++; console.log('range', (performance.now()-s)/n);
s=performance.now(); n=0; for (const key of t.getKeys({start: Buffer.of(1), end: Buffer.of(2)})) n++; console.log('keys', (performance.now()-s)/n);
await t.close();
