// Flags that several commands share, as `xlreg help` shows them; the form is that of help.ts.

/** The flag --json, alike in each command that has it. */
export const JSON_FLAG = `  --json                      one JSON object instead of lines; after a failure the last line of stderr is one, too
`;

export const CLIENT_FLAGS = `
The registry, and the way to it:
  --registry FILE|URL         its credentials: regCred.dat, or http(s)://HOST:PORT/regCred.dat
                              [XLREG_REGISTRY, else regCred.dat in XLREG_DATA_DIR, else in ./xlreg-data]
  --fingerprint SHA256:…      refuse any other sig key, or with an RSA dialect any other comms key; hex is accepted, too
  --transport tcp|ws          [tcp]
  --connect HOST:PORT|ws://…  replaces the end points of the credentials or, for ws, the host of the URL. Repeat it for
                              several: they are tried in turn, each for 3 s at most while others are left
  --dialect sealed|prefixed|chained
                              [sealed]; the others are for registries that do not know it, and encrypt without integrity
  --timeout SECONDS           for connecting, over all end points, and for each reply [10]
${JSON_FLAG}
Exit codes:
  0    done
  1    the registry refused, this client is no longer a member, or time is up
  2    wrong usage
  3    the registry is not reachable, or is not the one of the credentials
  129, 130, 143  ended by SIGHUP, SIGINT, SIGTERM
A --wait whose time is up during a failure ends with the code of that failure.
`;

/** The flag --wait, alike in each command that has it. */
export const WAIT = `
  --wait SECONDS              retry so long after failures that may pass, with growing pauses and a line on stderr:
                              missing credentials, a registry that is down or full, a missing cluster. A key that
                              contradicts the credentials ends the command at once`;

/** The flags of commands that work on a data directory. */
export const DATA_DIRECTORY = `
Flags, environment and configuration file apply as for xlreg serve:
  --data-dir DIR              the data directory [./xlreg-data]
  --config FILE               the configuration file
`;

export const ADMIN_PORT = `
The admin port. Flags, environment and configuration file apply as for xlreg serve; XLREG_CACERT and XLREG_TOKEN_FILE
stand for their flags:
  --admin HOST:PORT           the admin port [127.0.0.1:56791]; https://HOST:PORT for one with TLS
  --cacert FILE               certificates of the authorities to trust for https [those of the system]
  --token-file FILE           a file with an admin token [admin-token in the data directory]
  --data-dir DIR              the registry's data directory [./xlreg-data]
  --config FILE               the configuration file
`;

export const ADMIN_FLAGS = ADMIN_PORT + JSON_FLAG;
