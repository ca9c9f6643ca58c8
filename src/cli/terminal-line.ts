// Tells if a command is in the foreground of its terminal, and if it may rewrite the last line there.
import { readFileSync } from 'node:fs';

/**
 * True if stderr is a terminal and this process is in its foreground. In the background the last line is the shell's
 * prompt. Outside Linux each process counts as one in the foreground.
 */
export function ownsTerminalLine(): boolean {
  return process.stderr.isTTY && isInForeground();
}

/**
 * True if this process has a terminal and is in its foreground, so that keys such as Ctrl-C send it signals. Outside
 * Linux it is true for each process.
 */
export function isInForeground(): boolean {
  try {
    // proc(5): behind the name in parentheses state, ppid, pgrp, session, tty_nr, tpgid.
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return true;
  }
}
