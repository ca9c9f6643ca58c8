import { open } from 'lmdb';
import { mkdirSync, rmSync } from 'node:fs';
rmSync('/tmp/db3',{recursive:true,force:true}); mkdirSync('/tmp/db3');
const env = open({ path: '/tmp/db3', overlappingSync: false, keyEncoding: 'binary', encoding: 'binary', cache: false, compression: false, maxDbs: 1, noSync: true });
const N=300000; 
const tok = Buffer.alloc(850,1), small=Buffer.alloc(60,2);
for (let i=0;i<N;) env.transactionSync(()=>{ for(let k=0;k<5000&&i<N;k++,i++){ const a=Buffer.alloc(33); a[0]=1; a.writeUInt32BE((i*2654435761)>>>0,1); env.putSync(a,tok); const b=Buffer.alloc(34); b[0]=3; b.writeUInt32BE((i*2654435761)>>>0,1); env.putSync(b,small);} });
for (const [s,e] of [[1,2],[3,4]]) { let t=performance.now(); let c=0; for (const {key,value} of env.getRange({start:Buffer.from([s]),end:Buffer.from([e])})) { c+=1; } console.log(s, c, (performance.now()-t)/c*1000,'us/record'); }
{ let t=performance.now(); let c=0; for (const k of env.getKeys({start:Buffer.from([1]),end:Buffer.from([2])})) { c+=1; const v=env.getBinaryFast(k); } console.log('keys+fast', (performance.now()-t)/c*1000); }
await env.close();
