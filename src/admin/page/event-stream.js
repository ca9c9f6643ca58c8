// Reads server-sent events with fetch, because EventSource cannot send the admin token and a URL must not contain it.

/** The registry sends no longer events. */
const EVENT_CHARS_MAX = 1_000_000;

/**
 * Yields the events of a response as they arrive.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{ event: string, data: any }>}
 */
export async function* readEvents(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    if (text.length > EVENT_CHARS_MAX) throw new Error('an event is too long');
    for (const event of events) yield parseEvent(event);
  }
}

/**
 * The server sends `event: NAME` and one line of `data: JSON`.
 * @param {string} text
 */
function parseEvent(text) {
  const fields = new Map(text.split('\n').map((line) => /** @type {[string, string]} */ (line.split(/: (.*)/s, 2))));
  return { event: fields.get('event') ?? '', data: JSON.parse(fields.get('data') ?? 'null') };
}
