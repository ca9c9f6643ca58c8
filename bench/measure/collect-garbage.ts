// Forces a full garbage collection in all threads of a server that was started with --inspect. V8 makes the same by
// itself in a thread that has been idle for a minute.
import { once } from 'node:events';
import { WebSocket } from 'ws';

/** A message of the inspector: the response to a request, or an event. */
interface InspectorMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId: string; readonly message: string };
}

/** Resolves when every thread has collected. `url` is the WebSocket URL of the inspector. */
export async function collectGarbage(url: string): Promise<void> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const threads: string[] = [];
  const awaited = new Map<string, () => void>();
  socket.on('message', (data) => {
    const { id, method, params } = JSON.parse(String(data)) as InspectorMessage;
    if (method === 'NodeWorker.attachedToWorker') threads.push(params!.sessionId);
    else if (method === 'NodeWorker.receivedMessageFromWorker') awaited.get(params!.sessionId)?.();
    else if (id !== undefined) awaited.get(String(id))?.();
  });
  let lastId = 0;
  const ask = (method: string, params = {}) => {
    const id = ++lastId;
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise<void>((resolve) => awaited.set(String(id), resolve));
  };
  // The inspector announces all existing threads before it responds.
  await ask('NodeWorker.enable', { waitForDebuggerOnStart: false });
  await ask('HeapProfiler.collectGarbage');
  for (const sessionId of threads) {
    const collected = new Promise<void>((resolve) => awaited.set(sessionId, resolve));
    const message = JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' });
    await ask('NodeWorker.sendMessageToWorker', { sessionId, message });
    await collected;
  }
  socket.close();
  await once(socket, 'close');
  if (threads.length < 2)
    throw new Error(`the inspector reports ${threads.length} worker threads; expected at least 2`);
}
