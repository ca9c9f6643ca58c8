// Errors of the browser client. A message is one line without secrets.

/** Base class of all errors of this library. */
export class XlRegError extends Error {
  override readonly name: string = 'XlRegError';
}

/** The registry refused a request and ended the session. */
export class RegistryRefused extends XlRegError {
  override readonly name = 'RegistryRefused';
  /** The registry's text. */
  readonly text: string;

  constructor(text: string) {
    super(text.replace(/\p{Cc}/gu, '?').slice(0, 256));
    this.text = text;
  }
}

/** No connection, no reply in time, or a session that was cut. */
export class RegistryUnreachable extends XlRegError {
  override readonly name = 'RegistryUnreachable';
}

/** The other side is not the registry of the credentials. */
export class RegistryUntrusted extends XlRegError {
  override readonly name = 'RegistryUntrusted';
}

/** The certificate of the registry's key is good, but not at this time: one clock is wrong. */
export class ClockFault extends XlRegError {
  override readonly name = 'ClockFault';
}

/** The registry violated the protocol. */
export class ProtocolError extends XlRegError {
  override readonly name = 'ProtocolError';
}
