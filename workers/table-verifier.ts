// Thread entry of the verification of a backup's table.
import { runVerifier } from '../src/backup/verify-thread.ts';

await runVerifier();
