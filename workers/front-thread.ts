// Thread entry of a further front end (stages 1 and 6).
import { runFront } from '../src/front/thread/main.ts';

await runFront();
