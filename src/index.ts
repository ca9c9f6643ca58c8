// Public API of the package: the client library, and the credentials that clients and operators exchange.
export * from './client/index.ts';
export type { DialectName } from './wire/hello.ts';
export { printRegCred } from './wire/reg-cred.ts';
export { parseVersion, printVersion } from './wire/version.ts';
