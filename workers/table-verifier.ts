// Process entry of the verification of a backup's table.
import { runVerifier } from '../src/backup/verify-process.ts';

await runVerifier();
