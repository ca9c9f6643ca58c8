// A scripted registry that shows whatever roster a test wants, to a client of the sealed dialect.
import { randomBytes } from 'node:crypto';
import { type ClusterMember, connect, type Member } from '../../src/client/index.ts';
import { stateFor } from '../../src/client/statements.ts';
import { longOf, type Message, Op, type Token } from '../../src/wire/message.ts';
import { answerInOrder, ScriptedRegistry } from './scripted-registry.ts';

export class LyingRegistry {
  readonly #scripted: ScriptedRegistry;
  readonly clusterId = randomBytes(32);
  /** The roster it shows, from seat 0 on. */
  tokens: readonly Token[] = [];
  /** True if the last client that presented a token has seat 0, and `tokens` the seats behind it. */
  seatsClients = false;
  /** Further fields of its ClusterMembers; `Tokens` and `Which` may replace the roster's. */
  fields: (request: Message) => Message = () => ({});
  /** Tokens that clients have presented. */
  readonly presented: Token[] = [];

  private constructor(scripted: ScriptedRegistry) {
    this.#scripted = scripted;
  }

  static async start(): Promise<LyingRegistry> {
    let registry: LyingRegistry | undefined;
    const scripted = await ScriptedRegistry.start({ answer: (message, seal) => registry!.#answer(message, seal) });
    registry = new LyingRegistry(scripted);
    return registry;
  }

  get regCred() {
    return this.#scripted.regCred;
  }

  stop(): void {
    this.#scripted.stop();
  }

  /** The member's current token with its statement, as the registry would have it. */
  async tokenOf(member: Member): Promise<Token> {
    return (await stateFor(member, this.regCred)).token;
  }

  /** Shows these tokens to `reader` in a new session, which joins first if `joins`. */
  async show(reader: Member, tokens: readonly Token[], joins = false): Promise<readonly ClusterMember[]> {
    this.tokens = tokens;
    const session = await connect({ ...this.regCred });
    await session.identify(reader);
    const id = this.clusterId.toString('hex');
    if (joins) await session.join({ id });
    const { members } = await session.cluster({ id });
    await session.bye();
    return members;
  }

  /** The verdicts on these tokens. */
  async verdicts(reader: Member, ...tokens: readonly Token[]): Promise<string[]> {
    return (await this.show(reader, tokens)).map(({ unverified }) => unverified ?? 'verified');
  }

  #answer(message: Message, seal: (reply: Message) => Buffer): readonly Uint8Array[] {
    const cluster = { ClusterID: this.clusterId, ClusterSize: 64, EndPointCount: 1 };
    if (message.Op === Op.Client) this.presented.push(message.ClientSpecs!);
    if (message.Op === Op.Join) return [seal({ Op: Op.JoinReply, ...cluster })];
    if (message.Op !== Op.GetCluster) return answerInOrder(message, seal);
    const which = BigInt.asUintN(64, BigInt((message.Which ?? 0).toString()));
    const tokens = this.seatsClients ? [this.presented.at(-1)!, ...this.tokens] : this.tokens;
    const seats = tokens.flatMap((token, seat) => ((which >> BigInt(seat)) & 1n ? [{ seat, token }] : []));
    const shown = seats.reduce((bits, { seat }) => bits | (1n << BigInt(seat)), 0n);
    const Tokens = seats.map(({ token }) => token);
    return [seal({ Op: Op.ClusterMembers, ...cluster, Which: longOf(shown), Tokens, ...this.fields(message) })];
  }
}
