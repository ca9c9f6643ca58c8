// Tells if a command may rewrite the last line of its terminal.
import { readFileSync } from 'node:fs';

/**
 * True if stderr is a terminal and this process is in its foreground. In the background the last line is the shell's
 * prompt. Outside Linux each process counts as one in the foreground.
 */
export function ownsTerminalLine(): boolean {
  if (!process.stderr.isTTY) return false;
  try {
    // proc(5): behind the name in parentheses state, ppid, pgrp, session, tty_nr, tpgid.
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return true;
  }
}
