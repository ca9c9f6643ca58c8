// What the arguments of a command have to be, and how it ends where they are not.

/** Checks arguments; whatever is wrong with one ends the process with code 2, its reason and the command's usage. */
export class FlagReader {
  readonly #usage: string;

  constructor(usage: string) {
    this.#usage = usage;
  }

  /** Reads all flags at once, as `parseArgs` does. */
  parse<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      return this.refuse((error as Error).message.split('\n', 1)[0]!);
    }
  }

  oneOf<const T extends string>(flag: string, value: string, choices: readonly T[]): T {
    return choices.find((choice) => choice === value) ?? this.refuse(`--${flag} should be ${choices.join(' or ')}`);
  }

  /** A number above 0. */
  positive(flag: string, value: string): number {
    const number = Number(value);
    return Number.isFinite(number) && number > 0 ? number : this.refuse(`--${flag} should be a number above 0`);
  }

  /** A whole number from 1 to 999,999,999. */
  whole(flag: string, value: string): number {
    return /^[1-9]\d{0,8}$/.test(value) ? Number(value) : this.refuse(`--${flag} should be a whole number above 0`);
  }

  refuse(problem: string): never {
    console.error(`${problem}\n${this.#usage}`);
    process.exit(2);
  }
}
