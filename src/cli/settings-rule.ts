// The rule that `xlreg help serve` and `xlreg help config` state.

/** The one rule of all settings. */
export const SETTINGS_RULE = `A flag wins over the environment (--data-dir: XLREG_DATA_DIR), the environment over the configuration file
("data-dir"), the file over the default, which stands in brackets. --config or XLREG_CONFIG names the file.`;
