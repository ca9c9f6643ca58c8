// The server's credentials for etcd: certificates, a user, and a password. The password comes from a file or the
// environment, and appears in no argument, message or log line.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Config, ConfigError } from '../config.ts';
import type { StoreSettings } from '../store/open-store.ts';
import type { ReloadablePart } from './reload.ts';

/** Holds the password if there is no `--etcd-password-file`. */
const PASSWORD_VARIABLE = 'XLREG_ETCD_PASSWORD';

type EtcdConfig = Pick<Config, 'etcdPrefix' | 'etcdTls' | 'etcdUser' | 'etcdPasswordFile'>;

/** Reads the files that the settings name. Throws ConfigError if a file or the password is missing. */
export function readEtcdAccess(config: EtcdConfig, environment: NodeJS.ProcessEnv): NonNullable<StoreSettings['etcd']> {
  const { etcdPrefix: prefix, etcdTls, etcdUser: name, etcdPasswordFile } = config;
  const tls = etcdTls && {
    ca: readSetting('etcd-tls', etcdTls.ca),
    ...(etcdTls.cert && { cert: readSetting('etcd-tls', etcdTls.cert) }),
    ...(etcdTls.key && { key: readSetting('etcd-tls', etcdTls.key) }),
  };
  if (name === undefined) return { prefix, tls, user: undefined };
  const password =
    etcdPasswordFile === undefined
      ? environment[PASSWORD_VARIABLE]
      : readSetting('etcd-password-file', etcdPasswordFile).replace(/\r?\n$/, '');
  if (password === undefined) {
    throw new ConfigError(`etcd-user: needs etcd-password-file, or ${PASSWORD_VARIABLE} in the environment`);
  }
  return { prefix, tls, user: { name, password } };
}

/**
 * The part of a reload that takes over nothing: it fails if the files of etcd are not as at the start any more. `inUse`
 * is what they held then.
 */
export function reloadableEtcdAccess(
  inUse: NonNullable<StoreSettings['etcd']>,
  config: EtcdConfig,
  environment: NodeJS.ProcessEnv,
): ReloadablePart {
  return {
    name: 'etcd',
    settings: () => [],
    reload() {
      if (isDeepStrictEqual(readEtcdAccess(config, environment), inUse)) return;
      throw new ConfigError('a file of etcd-tls or etcd-password-file has changed: restart to use it');
    },
  };
}

function readSetting(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${setting}: ${(error as Error).message}`);
  }
}
