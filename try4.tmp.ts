import { LmdbStore } from './src/store/lmdb-store.ts';
import { randomBytes } from 'node:crypto';
import { rmSync, mkdirSync, truncateSync, statSync } from 'node:fs';
import { ClusterTable } from './src/registry/cluster-table.ts';
const dir = '/tmp/db4'; const N = Number(process.argv[2] ?? 100000);
const hex = () => randomBytes(32).toString('hex');
if (process.argv[3] !== 'load') {
rmSync(dir,{recursive:true,force:true}); mkdirSync(dir);
const s = LmdbStore.open(dir, { registryId: 'aa', bytesMax: undefined });
let t = performance.now();
let cl = ''; 
for (let i = 0; i < N;) { const batch: any[] = []; for (let k=0;k<2000&&i<N;k++,i++) { if (i%8===0) { cl = hex(); batch.push({kind:'cluster',id:cl,name:'c'+i,size:8,endPointCount:1,attrs:0n}); } const clientId=hex(); const token=randomBytes(740); batch.push({kind:'client',clientId,name:'m'+i,sigKeyDigest:hex(),endPointCount:1,ephemeral:false,token}); batch.push({kind:'member',clusterId:cl,index:i%8,clientId,name:'m'+i,token}); } const r = await s.commit(batch); if (r.some(x=>x.kind!=='stored')) throw new Error('x'); }
console.log('write', performance.now()-t, s.size());
await s.close(); }
else {
let t = performance.now();
const s2 = LmdbStore.open(dir, { registryId: 'aa', bytesMax: undefined });
const lim={clients:1e9,clusters:1e9,ephemeralTtlMs:1,idleRegistrationTtlMs:1};
const table = new ClusterTable('bb', lim, 0);
(globalThis as any).gc?.(); const m0 = process.memoryUsage();
for await (const rs of s2.load()) for (const r of rs) table.absorb(r);
console.log('load', performance.now()-t, table.counts);
(globalThis as any).gc?.(); const m1 = process.memoryUsage();
console.log('bytes/member', (m1.heapUsed-m0.heapUsed+m1.external-m0.external)/N, 'heap', (m1.heapUsed-m0.heapUsed)/N, 'ext', (m1.external-m0.external)/N, 'ab', (m1.arrayBuffers-m0.arrayBuffers)/N, 'rss', (m1.rss-m0.rss)/N);
await s2.close(); }
