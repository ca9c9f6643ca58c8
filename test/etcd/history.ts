// Checks that clients' observations of growing clusters are linearizable: one registry without faults could have
// produced them. For clusters that only grow, a few rules replace the search for an order of all operations. A member
// never disappears. Every read that starts after its acknowledgement or first sight shows it. No read that ends before
// its Join started shows it.

/** One operation: its start (`asked`), its end and its outcome. Times are milliseconds of one clock. */
export type Operation = {
  readonly cluster: string;
  readonly asked: number;
  readonly ended: number;
} & (
  | { readonly kind: 'create'; readonly id: string }
  | { readonly kind: 'join'; readonly member: string }
  /** The outcome is unknown: the operation took effect, will do so later, or never. */
  | { readonly kind: 'lost-create' }
  | { readonly kind: 'lost-join'; readonly member: string }
  | { readonly kind: 'get'; readonly id: string; readonly seats: ReadonlyMap<number, string> }
  /** The registry refused: the cluster is full, or unknown. */
  | { readonly kind: 'full'; readonly member: string }
  | { readonly kind: 'unknown' }
);

/** Returns the violations in a history, one line each. `size` is the size of every cluster. */
export function historyProblems(history: readonly Operation[], size: number): string[] {
  const clusters = new Map<string, Operation[]>();
  for (const operation of history) {
    const others = clusters.get(operation.cluster);
    if (others) others.push(operation);
    else clusters.set(operation.cluster, [operation]);
  }
  return [...clusters].flatMap(([name, operations]) => problemsOf(operations, size).map((what) => `${name}: ${what}`));
}

function problemsOf(operations: readonly Operation[], size: number): string[] {
  const problems: string[] = [];
  const ids = new Set(operations.flatMap((one) => ('id' in one ? [one.id] : [])));
  if (ids.size > 1) problems.push(`it has the IDs ${[...ids].join(', ')}`);

  const [names, places] = [new Map<number, string>(), new Map<string, number>()];
  for (const { seats } of ofKind(operations, 'get')) {
    for (const [index, member] of seats) {
      const [before, elsewhere] = [names.get(index), places.get(member)];
      if (before !== undefined && before !== member) problems.push(`seat ${index} is ${before}'s and ${member}'s`);
      if (elsewhere !== undefined && elsewhere !== index)
        problems.push(`${member} has seats ${elsewhere} and ${index}`);
      names.set(index, member);
      places.set(member, index);
    }
  }

  /** `there`: when a member was first acknowledged or seen. `wanted`: when its first Join started. */
  const there = new Map<string, number>();
  const wanted = new Map<string, number>();
  const sooner = (times: Map<string, number>, member: string, time: number) =>
    times.set(member, Math.min(times.get(member) ?? Infinity, time));
  for (const one of operations) {
    if (one.kind === 'join' || one.kind === 'lost-join' || one.kind === 'full') sooner(wanted, one.member, one.asked);
    if (one.kind === 'join') sooner(there, one.member, one.ended);
    if (one.kind === 'get') for (const member of one.seats.values()) sooner(there, member, one.ended);
  }
  for (const { asked, ended, seats } of ofKind(operations, 'get')) {
    const shown = new Set(seats.values());
    for (const [member, time] of there) {
      if (time < asked && !shown.has(member)) problems.push(`${member} was there at ${time} and not shown at ${asked}`);
    }
    for (const member of shown) {
      if (!(wanted.get(member)! <= ended)) problems.push(`${member} was shown at ${ended} and not asked for by then`);
    }
    if (shown.size > size) problems.push(`${shown.size} members are shown`);
  }
  for (const { member, asked, ended } of ofKind(operations, 'full')) {
    const others = [...wanted].filter(([other, time]) => other !== member && time <= ended);
    if (others.length < size)
      problems.push(`it was full at ${ended}, when ${others.length} others had asked for a seat`);
    if ((there.get(member) ?? Infinity) < asked) problems.push(`it was full for ${member}, who was in it`);
  }
  const created = Math.min(...ofKind(operations, 'create').map(({ ended }) => ended));
  for (const { asked } of ofKind(operations, 'unknown')) {
    if (created < asked) problems.push(`it was there at ${created} and unknown at ${asked}`);
  }
  return problems;
}

function ofKind<Kind extends Operation['kind']>(operations: readonly Operation[], kind: Kind) {
  return operations.filter((one): one is Extract<Operation, { kind: Kind }> => one.kind === kind);
}
