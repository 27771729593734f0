/** Asking for tickets: one question at a time, said again when no answer comes, renewed before the ticket ends. */
import { newId } from '../ids';
import type { Id, OtherFrame, PeerState, Ticket } from '../protocol';

/** All in ms. */
const ANSWER_WITHIN = 8_000;
const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 10_000;
/** A ticket is renewed so long before it ends. */
const RENEWED_BEFORE = 90_000;

export interface Asking {
  readonly me: Id | null;
  readonly state: PeerState;
  /** The server's clock, in ms. */
  readonly now: number;
  tell(message: object): boolean;
  given(ticket: Ticket): void;
  refused(code: string, message: string): void;
}

export class Tickets {
  private asked: Id | null = null;
  private retries = 0;
  private answer: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private renewal: ReturnType<typeof setTimeout> | undefined;
  private over = false;

  constructor(private readonly asking: Asking) {}

  stop(): void {
    this.over = true;
    for (const timer of [this.answer, this.retry, this.renewal]) clearTimeout(timer);
  }

  get waiting(): boolean {
    return this.asked !== null;
  }

  /** Ask to be in the call, under the name that one had before. */
  join(): void {
    const { me, state } = this.asking;
    this.ask((id) => ({ do: 'call.join', id, state, peer: me }));
  }

  /** Ask for a fresh one, for the call that one is in. */
  renew(): void {
    this.ask((id) => ({ do: 'call.ticket', id }));
  }

  private ask(message: (id: Id) => object): void {
    if (this.over) return;
    clearTimeout(this.retry);
    clearTimeout(this.answer);
    this.asked = newId();
    // Without a line it is asked for as soon as one speaks.
    if (this.asking.tell(message(this.asked))) this.answer = setTimeout(() => this.join(), ANSWER_WITHIN);
  }

  /** It did not work, or not for long: ask again, at once the first time. */
  again(): void {
    const wait = this.retries === 0 ? 0 : Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** (this.retries - 1));
    this.retries += 1;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.join(), wait);
  }

  /** One is in, and it works. */
  settled(): void {
    this.retries = 0;
  }

  lineDown(): void {
    clearTimeout(this.answer);
  }

  hear(frame: OtherFrame): void {
    if (this.over || this.asked === null || frame['id'] !== this.asked) return;
    this.asked = null;
    clearTimeout(this.answer);
    if (frame.t === 'call.refused') {
      this.asking.refused(String(frame['code']), String(frame['message'] ?? ''));
      return;
    }
    const ticket = frame as unknown as Ticket;
    const lasts = Date.parse(ticket.expires_at) - this.asking.now;
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => this.renew(), Math.max(10_000, (Number.isFinite(lasts) ? lasts : 0) - RENEWED_BEFORE));
    this.asking.given(ticket);
  }
}
