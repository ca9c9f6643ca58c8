// The comparison for the roster section: a WebSocket server on the registry's engine. It answers every frame with a
// freshly encrypted reply of argv[2] bytes. It tunes garbage collection like the registry, because otherwise its cost
// varies from run to run. It ends with its parent.
import { randomBytes } from 'node:crypto';
import { Admission } from '../../src/admission/admission.ts';
import { newAdmissionMemory } from '../../src/admission/admission-memory.ts';
import { Networks } from '../../src/admission/ip-address.ts';
import { readConfig } from '../../src/config.ts';
import { chooseWebEngine, listenWeb } from '../../src/net/web-listener.ts';
import { WEBSOCKET_PATH } from '../../src/net/web-site.ts';
import { collectInThread, keepFreedMemory } from '../../src/runtime/v8-memory-tuning.ts';
import { encryptBlocks } from '../../src/wire/aes-cbc.ts';

/** Its message to the parent once it listens. */
export interface EchoReady {
  readonly wsUrl: string;
}

const [key, iv, plain] = [randomBytes(32), randomBytes(16), randomBytes(Number(process.argv[2]))];

collectInThread();
process.on('disconnect', () => process.exit(0));
await keepFreedMemory();
const nobody = new Networks([]);
const listener = await listenWeb(chooseWebEngine('auto'), {
  host: '127.0.0.1',
  port: 0,
  pages: new Map(),
  sessions: {
    accept: (connection) => ({
      received: () => void connection.send(encryptBlocks(key, iv, plain)),
      drained() {},
      peerEnded() {},
      closed() {},
    }),
    admission: new Admission(
      readConfig([], {}),
      newAdmissionMemory(1, 1_000),
      0,
      () => true,
      () => {},
    ),
    trust: { forwarded: nobody, xForwardedFor: nobody },
    allowedOrigins: [],
  },
});
process.send!({ wsUrl: `ws://${listener.address}${WEBSOCKET_PATH}` } satisfies EchoReady);
