// Tells whether several listeners of a process can share a TCP port, with connections spread over them by the kernel.

/** The first version of Node with `reusePort` of node:net. */
const [MAJOR, MINOR] = [22, 12];

/** True on Linux with Node 22.12 or later. */
export function canSharePorts(version = process.versions.node, platform: NodeJS.Platform = process.platform): boolean {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  // Node 23.0 came before 22.12.
  const hasOption = major === MAJOR ? minor >= MINOR : major > 23 || (major === 23 && minor >= 1);
  return platform === 'linux' && hasOption;
}
