// Requests with an ambiguous end (request smuggling): both engines of the WebSocket port and the admin port refuse them
// and close the connection.

import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeEachEngine } from '../support/web-engines.ts';

const DOUBTFUL = [
  ['Content-Length: 3', 'Content-Length: 4'],
  ['Content-Length: 3', 'Content-Length: 3'],
  ['Content-Length: 0', 'X: y', 'Content-Length: 3'],
  ['Content-Length: 3, 3'],
  ['Content-Length: 3', 'Transfer-Encoding: chunked'],
  ['Transfer-Encoding: chunked', 'Content-Length: 3'],
  ['Transfer-Encoding: identity'],
  ['Transfer-Encoding: xchunked'],
  ['Transfer-Encoding: chunked, identity'],
  ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
  ['Content-Length: -1'],
  ['Content-Length: +3'],
  ['Content-Length: 0x3'],
  ['Content-Length: 3a'],
  ['Content-Length: 3 3'],
  ['Content-Length:'],
  ['Content-Length: 99999999999999999999999'],
  ['Content-Length : 3'],
].map((lines) => [lines.join(' + '), lines] as const);

describeEachEngine('with the engine %s', (engine) => {
  let registry: RegistryProcess;
  beforeAll(async () => {
    registry = await startRegistry({ args: ['--web-engine', engine] });
  });
  afterAll(async () => {
    expect(await registry.stop()).toBe(0);
  });

  async function answerOf(port: number, request: string): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    socket.on('error', () => {});
    let answer = '';
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
    });
    socket.write(request);
    await once(socket, 'end');
    socket.destroy();
    return answer;
  }

  it.each(DOUBTFUL)('refuses %s', async (_, lines) => {
    const { wsPort, adminPort } = registry;
    const head = (...more: string[]) => ['Host: x', ...lines, ...more, '', '0\r\n\r\n'].join('\r\n');
    for (const port of [wsPort, adminPort]) {
      for (const method of ['GET', 'POST']) {
        expect(await answerOf(port, `${method} /regCred.dat HTTP/1.1\r\n${head()}`)).toMatch(/^HTTP\/1.1 400 /);
      }
    }
    const upgrade = head(
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    );
    expect(await answerOf(wsPort, `GET /xlreg HTTP/1.1\r\n${upgrade}`)).toMatch(/^HTTP\/1.1 400 /);
  });
});
