/** A screen on a wall: waits with its code, shows what lies on the table once it is paired, and goes dark. Nobody touches it. */
import { Connection, type Link, type Surroundings } from '../room/connection';
import { Eye, type Around } from '../room/eye.svelte';
import type { AgreedHere, Id, OtherFrame } from '../room/protocol';
import { StageLoader, type StageStatus } from '../room/stage';
import { openItem, type RoomState } from '../room/state';
import { overrunSeconds, spentSeconds } from '../room/time';

/** Why nothing is shown: nobody needs the code any more, or the pairing is over. */
export type Phase = 'starting' | 'waiting' | 'shown' | 'asleep' | 'ended' | 'refused';

/** What is read back now, word for word. */
export interface Wording {
  intent: string | null;
  steps: { kind: string; text: string }[];
  deviation: string;
  agreed: AgreedHere;
  text: string;
}

export interface Addresses {
  state: string;
  code: string;
  token: string;
}

/** All in ms. A code is shown again and again for an hour, then the screen rests until somebody touches it. */
export const ASK_EVERY = 2_000;
export const WAKE_FOR = 3_600_000;
/** A wording that could not be fetched is tried again. */
const WORDING_AGAIN = 3_000;

type State = { state: 'paired'; meeting: Id; socket: string } | { state: 'waiting' | 'free' };

export class Screen {
  phase = $state<Phase>('starting');
  code = $state('');
  problem = $state('');
  link = $state.raw<Link>({ state: 'connecting', reason: null });
  state = $state.raw<RoomState | null>(null);
  now = $state(Date.now());
  stage = $state.raw<{ item: Id | null; html: string; status: StageStatus }>({ item: null, html: '', status: 'empty' });
  wording = $state.raw<Wording | null>(null);

  readonly room = $derived(this.state?.room ?? null);
  readonly open = $derived(this.room && openItem(this.room));
  readonly spent = $derived(this.open ? spentSeconds(this.open, this.now) : 0);
  readonly over = $derived(this.open ? overrunSeconds(this.open, this.now) : 0);
  readonly eye = new Eye(this.around());

  private connection: Connection | null = null;
  private readonly loader = new StageLoader(
    (item) => `/wall/items/${item}/stage/`,
    () => (this.stage = { item: this.loader.item, html: this.loader.html, status: this.loader.status }),
  );
  private clock: ReturnType<typeof setInterval> | undefined;
  private asking: ReturnType<typeof setTimeout> | undefined;
  private wokenAt = Date.now();
  private reading = '';

  constructor(
    private readonly addresses: Addresses,
    /** The page is made anew when it is paired, in the language of whoever paired it. */
    private readonly reload: () => void,
    private readonly surroundings?: Surroundings,
  ) {}

  async start(): Promise<void> {
    this.clock = setInterval(() => (this.now = this.connection?.clock.now() ?? Date.now()), 500);
    this.eye.start();
    const state = await this.ask();
    if (state?.state === 'paired') this.show(state.socket);
    else await this.offer();
  }

  stop(): void {
    clearInterval(this.clock);
    clearTimeout(this.asking);
    this.connection?.stop();
    this.eye.stop();
  }

  /** Somebody touched the screen while it was dark: it shows a code again. */
  wake(): void {
    if (this.phase !== 'asleep' && this.phase !== 'ended' && this.phase !== 'refused') return;
    this.wokenAt = Date.now();
    this.reload();
  }

  // Waiting

  private async ask(): Promise<State | null> {
    try {
      const answer = await fetch(this.addresses.state, { credentials: 'same-origin', headers: { Accept: 'application/json' } });
      return answer.ok ? ((await answer.json()) as State) : null;
    } catch {
      return null;
    }
  }

  private async offer(): Promise<void> {
    try {
      const answer = await fetch(this.addresses.code, { method: 'POST', credentials: 'same-origin', headers: { Accept: 'application/json', 'X-CSRFToken': this.addresses.token } });
      const body = (await answer.json()) as { code: string | null; message?: string };
      if (body.code) {
        this.code = body.code;
        this.phase = 'waiting';
      } else {
        this.problem = body.message ?? '';
        this.phase = 'refused';
        return;
      }
    } catch {
      // Without a network there is no code; it is asked for again.
      this.code = '';
    }
    this.again();
  }

  private again(): void {
    clearTimeout(this.asking);
    this.asking = setTimeout(() => void this.look(), ASK_EVERY);
  }

  private async look(): Promise<void> {
    const state = await this.ask();
    if (state?.state === 'paired') {
      this.reload();
    } else if (Date.now() - this.wokenAt > WAKE_FOR) {
      this.phase = 'asleep';
      this.code = '';
    } else if (!this.code || state?.state === 'free') {
      await this.offer();
    } else {
      this.again();
    }
  }

  // Showing

  private show(path: string): void {
    const url = new URL(path, window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.connection = new Connection(
      url.href,
      {
        onLink: (link) => this.heardLink(link),
        onState: (state) => this.heardState(state),
        onRefused: () => undefined,
        onOther: (frame: OtherFrame) => this.eye.hear(frame),
      },
      this.surroundings,
    );
    this.phase = 'shown';
    this.connection.start();
    // A screen that nobody touches would go to sleep; where the browser cannot help it, the room's own settings do.
    void navigator.wakeLock?.request('screen').catch(() => undefined);
  }

  private heardLink(link: Link): void {
    this.link = link;
    if (link.state === 'closed') this.darken();
    else if (link.state === 'connected' && this.stage.status === 'unreachable') this.draw();
  }

  private heardState(state: RoomState): void {
    this.state = state;
    this.now = this.connection?.clock.now() ?? Date.now();
    if (state.room.meeting.state === 'closed' || state.room.meeting.state === 'cancelled') this.darken();
    else this.draw();
  }

  private draw(): void {
    const open = this.open;
    this.loader.show(open?.id ?? null, open?.version, open?.content);
    this.eye.settle();
    void this.read();
  }

  /** Nothing of anybody is left on the screen. */
  private darken(): void {
    this.phase = 'ended';
    this.state = null;
    this.wording = null;
    this.reading = '';
    this.loader.show(null);
    this.eye.settle();
    this.connection?.stop();
  }

  private async read(): Promise<void> {
    const open = this.open;
    const wanted = open?.read_back ? `${open.id} ${open.read_back.round} ${open.draft.version}` : '';
    if (wanted === this.reading) return;
    this.reading = wanted;
    this.wording = null;
    if (!open || !wanted) return;
    try {
      const answer = await fetch(`/wall/items/${open.id}/wording/`, { credentials: 'same-origin', headers: { Accept: 'application/json' } });
      if (!answer.ok) throw new Error(String(answer.status));
      const wording = (await answer.json()) as Wording;
      if (this.reading === wanted) this.wording = wording;
    } catch {
      if (this.reading !== wanted) return;
      setTimeout(() => {
        if (this.reading !== wanted) return;
        this.reading = '';
        void this.read();
      }, WORDING_AGAIN);
    }
  }

  private around(): Around {
    const screen = this;
    return {
      me: null,
      get presenter() {
        return screen.room?.meeting.presenter ?? null;
      },
      get shown() {
        return screen.open?.id ?? null;
      },
      get table() {
        return screen.open?.id ?? null;
      },
      mayPoint: false,
      nameOf: () => '',
      tell: () => false,
      documentUrl: (document) => `/wall/documents/${document}/`,
    };
  }
}
