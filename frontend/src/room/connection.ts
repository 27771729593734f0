/**
 * The room's line to the server: one WebSocket that comes back by itself, and the state that its
 * frames add up to. What is shown is only ever what the server said.
 */
import { Outbox, type Outcome, type SendOptions } from './outbox';
import { CLOSE, readFrame, readOtherFrame, SUBPROTOCOL, type CommandName, type Commands, type Frame, type Id, type OtherFrame } from './protocol';
import { applyEvent, fromSnapshot, type RoomState } from './state';
import { ServerClock } from './time';

export type LinkState = 'connecting' | 'connected' | 'reconnecting' | 'closed';
/** Why the page does not try again by itself. */
export type ClosedReason = 'session_ended' | 'no_access' | 'replaced' | 'left';

export interface Link {
  state: LinkState;
  reason: ClosedReason | null;
}

export interface Listener {
  onLink(link: Link): void;
  onState(state: RoomState, frame: Frame): void;
  /** A refusal that answers no command of ours, e.g. of a frame that could not be read. */
  onRefused(message: string): void;
  /** A new line speaks: what is not part of the state (texts, signals) has to be asked for or told anew. */
  onLine?(): void;
  /** A frame that is not part of the state. */
  onOther?(frame: OtherFrame): void;
}

export interface Surroundings {
  open(url: string, protocol: string): WebSocket;
  random(): number;
}

const CLOSE_REASONS: Record<number, ClosedReason> = {
  [CLOSE.SESSION_ENDED]: 'session_ended',
  [CLOSE.NO_ACCESS]: 'no_access',
  [CLOSE.REPLACED]: 'replaced',
};

/** All in ms. The first retry is quick; the longest wait leaves room for 10 s of recovery in all. */
export const FIRST_RETRY = 250;
export const LONGEST_RETRY = 5_000;
/** A new deployment takes some seconds: for the first tries nobody waits longer than this, and all are back soon after it. */
export const LONGEST_AT_FIRST = 1_500;
const FIRST_TRIES = 20;
export const TICK = 1_000;
export const PING_EVERY = 8_000;
export const ANSWER_TO_PROBE = 4_000;
export const SILENCE = 25_000;
export const SLEPT = 5_000;
export const OPEN_WITHIN = 8_000;
export const BEHIND_FOR = 1_500;
export const EFFECT_WITHIN = 2_000;

export class Connection {
  readonly clock = new ServerClock();
  state: RoomState | null = null;
  link: Link = { state: 'connecting', reason: null };

  /** By which means the person takes part, as the server is told on connecting. */
  private means: string | null = null;
  private readonly outbox = new Outbox();
  private socket: WebSocket | null = null;
  /** This socket has said something: what is written to it is read. */
  private spoken = false;
  private attempt = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private tickTimer: ReturnType<typeof setInterval> | undefined;
  private lastTick = 0;
  private openedAt = 0;
  private lastHeard = 0;
  private lastPing = 0;
  private pinged = 0;
  private probedAt: number | null = null;
  /** The highest sequence that the server has named to us. */
  private expected = 0;
  private behindSince: number | null = null;
  private aheadSince: number | null = null;
  private resumes = 0;
  /** Commands that were acknowledged before their events arrived: done for the caller when both are here. */
  private acknowledged: { id: Id; seq: number; at: number }[] = [];

  constructor(
    private readonly url: string,
    private readonly listener: Listener,
    private readonly surroundings: Surroundings = {
      open: (url, protocol) => new WebSocket(url, protocol),
      random: Math.random,
    },
  ) {}

  /** Connect and stay connected until `stop` or until the server says not to come back. */
  start(): void {
    window.addEventListener('online', this.cameOnline);
    window.addEventListener('offline', this.wentOffline);
    document.addEventListener('visibilitychange', this.cameToFront);
    this.lastTick = Date.now();
    this.tickTimer = setInterval(this.tick, TICK);
    this.connect();
  }

  stop(): void {
    window.removeEventListener('online', this.cameOnline);
    window.removeEventListener('offline', this.wentOffline);
    document.removeEventListener('visibilitychange', this.cameToFront);
    clearInterval(this.tickTimer);
    clearTimeout(this.retryTimer);
    this.outbox.giveUp();
    this.drop();
    this.setLink('closed', 'left');
  }

  /** Come back after `closed`, by the person's own wish: everything is asked for anew. */
  reopen(): void {
    if (this.link.state !== 'closed') return;
    this.state = null;
    this.attempt = 0;
    this.setLink('reconnecting');
    this.connect();
  }

  /** Take part by other means from now on: in the room, by video, by phone. */
  takePartBy(means: string): void {
    this.means = means;
    if (this.link.state === 'connected') this.connect();
  }

  /** Send a command, now or when the line is back; settled by the server's answer. */
  send<Name extends CommandName>(name: Name, args: Commands[Name], options?: SendOptions): Promise<Outcome> {
    const answer = this.outbox.put(name, args, options);
    if (this.link.state === 'closed') this.outbox.giveUp();
    else if (this.spoken && this.socket) this.outbox.flush(this.socket);
    return answer;
  }

  private connect(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.drop();
    const url = new URL(this.url);
    if (this.means) url.searchParams.set('means', this.means);
    if (this.state && this.state.seq > 0) url.searchParams.set('since', String(this.state.seq));
    const socket = this.surroundings.open(url.href, SUBPROTOCOL);
    this.socket = socket;
    this.spoken = false;
    this.openedAt = Date.now();
    this.probedAt = null;
    socket.onopen = () => {
      if (socket === this.socket) this.ping();
    };
    socket.onmessage = (message) => {
      if (socket === this.socket) this.hear(message.data);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.closed(event.code);
    };
  }

  /** Let go of the socket; what it still says is not heard. */
  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close();
    } catch {
      // It was never open; there is nothing to close.
    }
  }

  private closed(code: number): void {
    this.socket = null;
    const reason = CLOSE_REASONS[code];
    if (reason) {
      if (reason === 'no_access') this.state = null;
      clearTimeout(this.retryTimer);
      this.outbox.giveUp();
      this.setLink('closed', reason);
      return;
    }
    this.retry(code);
  }

  private retry(code: number): void {
    this.setLink(this.state ? 'reconnecting' : 'connecting');
    this.outbox.dropOverdue();
    const spread = 0.5 + this.surroundings.random() / 2;
    const longest = this.attempt < FIRST_TRIES ? LONGEST_AT_FIRST : LONGEST_RETRY;
    let wait = Math.min(longest, FIRST_RETRY * 2 ** this.attempt) * spread;
    // A server that says goodbye has a successor: come at once, a little spread out.
    if (code === CLOSE.RESTART && this.attempt === 0) wait = 100 * this.surroundings.random();
    if (code === CLOSE.TOO_FAST) wait = LONGEST_RETRY * (1 + this.surroundings.random());
    this.attempt += 1;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.connect(), wait);
  }

  /** This line is dead, whatever the browser believes. */
  private cut(): void {
    this.drop();
    this.retry(1006);
  }

  /** The state cannot be trusted: ask for a whole one. */
  private startAfresh(): void {
    if (this.state) this.state = { ...this.state, seq: 0 };
    this.expected = 0;
    this.resumes = 0;
    this.behindSince = this.aheadSince = null;
    this.connect();
  }

  private hear(data: unknown): void {
    const frame = readFrame(data);
    if (!frame) {
      const other = readOtherFrame(data);
      if (!other) return;
      this.lastHeard = Date.now();
      this.probedAt = null;
      if (this.spoken) this.listener.onOther?.(other);
      return;
    }
    this.lastHeard = Date.now();
    this.probedAt = null;
    this.hearKnown(frame);
    if (this.spoken || this.link.state !== 'connected') return;
    this.spoken = true;
    if (this.socket) this.outbox.flush(this.socket);
    this.listener.onLine?.();
  }

  private hearKnown(frame: Frame): void {
    if (this.link.state !== 'connected' && (this.state || frame.t === 'snapshot')) {
      this.attempt = 0;
      if (frame.t === 'snapshot') this.take(frame);
      this.setLink('connected');
      if (frame.t === 'snapshot') return;
    }
    this.take(frame);
  }

  private take(frame: Frame): void {
    switch (frame.t) {
      case 'snapshot':
        this.clock.learn(frame.now);
        this.expected = frame.seq;
        this.state = fromSnapshot(frame);
        this.caughtUp();
        this.listener.onState(this.state, frame);
        this.settleAcknowledged();
        this.tellSeen();
        break;
      case 'event': {
        if (!this.state) break;
        this.expected = Math.max(this.expected, frame.seq);
        const applied = applyEvent(this.state, frame);
        if (applied.outcome === 'gap') this.behind(true);
        if (applied.outcome !== 'applied') break;
        this.state = applied.state;
        if (this.state.seq >= this.expected) this.caughtUp();
        else this.moving();
        this.listener.onState(this.state, frame);
        this.settleAcknowledged();
        this.tellSeen();
        break;
      }
      case 'ack':
        this.expected = Math.max(this.expected, frame.seq);
        this.behind(false);
        this.acknowledged.push({ id: frame.id, seq: frame.seq, at: Date.now() });
        this.settleAcknowledged();
        break;
      case 'refused': {
        const { code, message, field = null, current = null } = frame;
        const known = frame.id !== null && this.outbox.answer(frame.id, { ok: false, code, message, field, current });
        if (!known) this.listener.onRefused(message);
        break;
      }
      case 'head':
        this.clock.learn(frame.now);
        this.compareHead(frame.seq);
        // Timers of a tab in the background sleep for a minute; frames still come, and carry the answer out.
        if (this.state && this.state.seq > this.pinged) this.tellSeen();
        break;
    }
  }

  /** The ack and the events of a command race each other; whoever asked goes on when what they did can be seen. */
  private settleAcknowledged(): void {
    const now = Date.now();
    const seen = this.state?.seq ?? 0;
    const done = this.acknowledged.filter(({ seq, at }) => seq <= seen || now - at > EFFECT_WITHIN);
    this.acknowledged = this.acknowledged.filter((ack) => !done.includes(ack));
    for (const { id, seq } of done) this.outbox.answer(id, { ok: true, seq });
  }

  private compareHead(head: number): void {
    if (!this.state) return;
    this.expected = Math.max(this.expected, head);
    this.behind(false);
    // A head below ours for long means that the server's journal was restored from before: ours is a dream.
    if (head < this.state.seq) {
      this.aheadSince ??= Date.now();
      if (Date.now() - this.aheadSince > 5_000) this.startAfresh();
    } else {
      this.aheadSince = null;
    }
  }

  private caughtUp(): void {
    this.behindSince = null;
    this.resumes = 0;
  }

  /** A replay is running: each event of it buys time for the next. */
  private moving(): void {
    if (this.behindSince !== null) this.behindSince = Date.now();
    this.resumes = 0;
  }

  /** Events are missing. A hole is asked for at once; a head that runs ahead is given a moment to arrive. */
  private behind(hole: boolean): void {
    if (!this.state || this.state.seq >= this.expected) return;
    const now = Date.now();
    if (this.behindSince === null) {
      this.behindSince = now;
      if (hole) this.resume();
    } else if (hole ? this.resumes === 0 : now - this.behindSince > BEHIND_FOR) {
      this.resume();
    }
  }

  private resume(): void {
    if (!this.state) return;
    if (this.resumes >= 2) {
      this.startAfresh();
      return;
    }
    this.resumes += 1;
    this.behindSince = Date.now();
    this.write({ do: 'resume', since: this.state.seq });
  }

  /** Say how far we have read, at most once a second: the server cuts off readers that fall behind. */
  private tellSeen(): void {
    if (Date.now() - this.lastPing >= 1_000) this.ping();
  }

  private ping(): void {
    this.lastPing = Date.now();
    this.pinged = this.state?.seq ?? 0;
    this.write({ do: 'ping', seen: this.pinged });
  }

  /** Is anyone there? Without an answer the line is cut and made anew. */
  private probe(): void {
    if (this.link.state !== 'connected' || this.probedAt !== null) return;
    this.probedAt = Date.now();
    this.ping();
  }

  /** Somebody has reason to believe that nothing gets through: ask, rather than wait for the silence to be long. */
  doubt(): void {
    this.probe();
  }

  private write(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Write a message that is no command (text, signal): false when no line is there, and then it is gone. */
  tell(message: object): boolean {
    if (!this.spoken || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.write(message);
    return true;
  }

  private readonly tick = (): void => {
    const now = Date.now();
    const gap = now - this.lastTick;
    this.lastTick = now;
    this.outbox.dropOverdue();
    this.settleAcknowledged();
    const socket = this.socket;
    if (!socket) {
      // A machine that slept through its retry comes back at once.
      if (gap > SLEPT && this.retryTimer !== undefined) this.connect();
      return;
    }
    if (this.link.state !== 'connected') {
      if (now - this.openedAt > OPEN_WITHIN) this.cut();
      return;
    }
    if (this.probedAt !== null && now - this.probedAt > ANSWER_TO_PROBE) {
      this.cut();
      return;
    }
    if (gap > SLEPT || now - this.lastHeard > SILENCE) this.probe();
    this.behind(false);
    if (this.socket !== socket) return;
    if (this.spoken) this.outbox.flush(socket);
    if (now - this.lastPing >= PING_EVERY || (this.state && this.state.seq > this.pinged)) this.ping();
  };

  private readonly cameOnline = (): void => {
    if (this.link.state === 'connected') this.probe();
    else if (this.link.state !== 'closed') {
      this.attempt = 0;
      this.connect();
    }
  };

  private readonly wentOffline = (): void => {
    if (this.link.state !== 'closed' && this.socket) this.cut();
  };

  private readonly cameToFront = (): void => {
    if (document.visibilityState === 'visible') this.tick();
  };

  private setLink(state: LinkState, reason: ClosedReason | null = null): void {
    if (this.link.state === state && this.link.reason === reason) return;
    this.link = { state, reason };
    this.listener.onLink(this.link);
  }
}
