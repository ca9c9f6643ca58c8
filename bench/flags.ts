// Checks the arguments of the bench commands.

/** Checks arguments. A wrong one ends the process with code 2 after printing the problem and the usage. */
export class FlagReader {
  readonly #usage: string;

  constructor(usage: string) {
    this.#usage = usage;
  }

  /** Calls `read` (a `parseArgs` call) and refuses with the message of its error. */
  parse<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      return this.refuse((error as Error).message.split('\n', 1)[0]!);
    }
  }

  oneOf<const T extends string>(flag: string, value: string, choices: readonly T[]): T {
    return (
      choices.find((choice) => choice === value) ??
      this.refuse(`--${flag} must be ${choices.join(' or ')}, not ${value}`)
    );
  }

  /** Parses a number above 0. */
  positive(flag: string, value: string): number {
    const number = Number(value);
    return Number.isFinite(number) && number > 0
      ? number
      : this.refuse(`--${flag} must be a number above 0, not ${value}`);
  }

  /** Parses a whole number from 1 to 999,999,999. */
  whole(flag: string, value: string): number {
    return /^[1-9]\d{0,8}$/.test(value)
      ? Number(value)
      : this.refuse(`--${flag} must be a whole number above 0, not ${value}`);
  }

  refuse(problem: string): never {
    console.error(`${problem}\n${this.#usage}`);
    process.exit(2);
  }
}
