/**
 * One stay in the call, from the preview to the goodbye: the ticket, the way that it is for, and coming back. What is given
 * stands in `own.ts`, what is heard in `hearing.ts` and `sounds.ts`; how it travels, in the way.
 */
import type { Id, OtherFrame, PeerState, SignalData, Ticket } from '../protocol';
import type { RoomState } from '../state';
import { words } from '../words';
import type { CallStore, DeviceKind, ProblemKind } from './call.svelte';
import { Hearing } from './hearing';
import { Mesh } from './mesh';
import { Own } from './own';
import { Sounds } from './sounds';
import { Surroundings } from './surroundings';
import { Switches } from './switches';
import { Tickets } from './tickets';
import type { OwnTracks, PeerLink, Quality, RemotePeer, Streams, Way, WayEvents } from './way';

const KNOWN = ['forbidden', 'none', 'no_relay', 'full', 'server_gone', 'over', 'unavailable'] as const satisfies readonly ProblemKind[];
/** Nobody is reached for so long, in ms: then it is said. */
const UNREACHED_FOR = 10_000;
/** There is no coming in by trying again. */
const FINAL: ReadonlySet<string> = new Set(['forbidden', 'none', 'no_relay', 'over']);
/** What is over once one is in. */
const PASSING: ReadonlySet<string> = new Set(['full', 'server_gone', 'unavailable']);

export class CallSession {
  private readonly own: Own;
  readonly switches: Switches;
  private readonly sounds: Sounds;
  private readonly hearing: Hearing;
  private readonly tickets: Tickets;
  private readonly surroundings: Surroundings;
  private way: Way | null = null;
  private ticket: Ticket | null = null;
  /** The way whose words count. */
  private source: object | null = null;
  private carrier: Ticket['way'] | null = null;
  private entering: Promise<void> = Promise.resolve();
  private taking = 0;
  private wayDown = false;
  private picturesShown = true;
  private hidden = false;
  /** Which call the room last said that this is. */
  private seen = '';
  private told = '';
  private met = '';
  private used = '';
  private unreached: ReturnType<typeof setTimeout> | undefined;
  private joined = false;
  private over = false;

  constructor(private readonly call: CallStore) {
    this.own = new Own(call, {
      given: (tracks) => this.given(tracks),
      switched: () => this.tellState(),
      loudspeaker: (id) => void this.sounds.choose(id),
    });
    this.switches = new Switches(call, this.own, {
      joined: () => this.joined,
      lowered: () => {
        this.use();
        this.tellState();
      },
    });
    this.sounds = new Sounds({
      blocked: () => (call.problem = { kind: 'blocked', device: 'loudspeaker', words: words.callBlocked() }),
      sinkGone: () => this.own.loudspeakerGone(),
    });
    this.hearing = new Hearing(call, () => this.use());
    if (call.chosen.loudspeaker) void this.sounds.choose(call.chosen.loudspeaker);
    const session = this;
    this.tickets = new Tickets({
      get me() {
        return call.me;
      },
      get state() {
        return session.state;
      },
      get now() {
        return call.store.now;
      },
      tell: (message) => call.store.tell(message),
      given: (ticket) => this.admit(ticket),
      refused: (code, message) => this.heardRefusal(code, message),
    });
    this.surroundings = new Surroundings({
      moved: () => this.way?.restart(),
      hidden: (hidden) => this.hide(hidden),
      gone: () => call.leave(),
    });
  }

  private get store() {
    return this.call.store;
  }

  // Coming in and going

  async preview(): Promise<void> {
    await this.switches.begin({ mic: true, camera: true });
  }

  async join(wish: { mic?: boolean; camera?: boolean }): Promise<void> {
    await this.switches.join(wish);
    if (this.over) return;
    this.joined = true;
    this.seen = this.which;
    this.tickets.join();
  }

  leave(): void {
    if (this.over) return;
    this.over = true;
    if (this.joined) this.store.tell({ do: 'call.leave' });
    void this.way?.leave();
    this.way = null;
    this.own.stop();
    this.hearing.stop();
    this.sounds.close();
    this.tickets.stop();
    this.surroundings.stop();
    clearTimeout(this.unreached);
    const { call } = this;
    call.mic = call.camera = call.screen = call.hand = call.low = call.lowByItself = call.pushToTalk = false;
    call.level = 0;
    call.me = call.active = call.sameRoom = call.mutedBy = null;
    for (const peer of [...call.streams.keys()]) call.streams.delete(peer);
    call.links.clear();
    call.speaking.clear();
  }

  /** The call is over for this person, and it is said why. */
  private end(kind: ProblemKind, text: string): void {
    const { call } = this;
    call.leave();
    call.problem = { kind, device: null, words: text };
  }

  // Tickets

  private get state(): PeerState {
    const { mic, camera, screen, hand, low } = this.call;
    return { mic, camera, screen, hand, low };
  }

  private get which(): string {
    return `${this.call.way} ${this.call.epoch}`;
  }

  /** A ticket for the way that one is on overtakes the one before it; another way is taken in its turn. */
  private admit(ticket: Ticket): void {
    this.call.me = ticket.peer;
    this.ticket = ticket;
    const { way } = this;
    let done: Promise<void>;
    if (way && this.carrier === ticket.way && !this.wayDown && !this.taking) done = way.renew(ticket);
    else {
      this.taking += 1;
      done = this.entering.then(() => this.take(ticket)).finally(() => (this.taking -= 1));
      this.entering = done.catch(() => undefined);
    }
    done.then(
      () => this.entered(ticket),
      () => this.notEntered(ticket),
    );
  }

  private async entered(ticket: Ticket): Promise<void> {
    if (this.over || this.ticket !== ticket) return;
    const { call } = this;
    this.tickets.settled();
    this.wayDown = false;
    if (call.problem && PASSING.has(call.problem.kind)) call.problem = null;
    this.met = this.used = '';
    this.meet();
    this.tellState();
    this.judge();
    if (!ticket.speak) await this.own.silence();
  }

  private notEntered(ticket: Ticket): void {
    if (this.over || this.ticket !== ticket) return;
    this.wayDown = true;
    if (ticket.way === 'livekit') this.call.problem = { kind: 'server_gone', device: null, words: words.callServerGone() };
    this.judge();
    this.tickets.again();
  }

  /** Another way: the new one is there before the old one is left. */
  private async take(ticket: Ticket): Promise<void> {
    if (this.over || this.ticket !== ticket) return;
    const { way: before, source } = this;
    if (before && this.carrier === ticket.way && !this.wayDown) {
      await before.renew(ticket);
      return;
    }
    const events = this.events();
    try {
      const way = ticket.way === 'mesh' ? this.mesh(events) : await livekit(events);
      await way.join(ticket, { ...this.own.tracks });
      if (this.over) {
        await way.leave();
        return;
      }
      this.way = way;
      this.carrier = ticket.way;
      // What was switched meanwhile.
      await way.give({ ...this.own.tracks });
      if (before) await before.leave();
    } catch (error) {
      this.source = source;
      throw error;
    }
  }

  private mesh(events: WayEvents): Way {
    // Whoever goes on by another way says no goodbye to the others.
    const say = (to: Id, data: SignalData) => (data.kind !== 'bye' || this.over) && this.store.tell({ do: 'call.signal', to, data });
    return new Mesh(events, { say, doubt: () => this.store.doubtLine() });
  }

  private heardRefusal(code: string, message: string): void {
    const { call } = this;
    const kind = (KNOWN as readonly string[]).includes(code) ? (code as ProblemKind) : 'unavailable';
    const text = message || words.callRefusedBare();
    if (FINAL.has(code)) {
      this.end(kind, text);
      return;
    }
    call.problem = { kind, device: null, words: text };
    if (call.phase === 'joining') {
      // Back before the door: whoever wants to try again presses once more.
      this.joined = false;
      call.phase = 'preview';
      return;
    }
    this.wayDown ||= code === 'server_gone' || code === 'full';
    this.judge();
    this.tickets.again();
  }

  // What the way says

  private events(): WayEvents {
    const source = {};
    this.source = source;
    const heard =
      <Said extends unknown[]>(what: (...said: Said) => void) =>
      (...said: Said): void => {
        // A way that was left says nothing any more.
        if (this.source === source && !this.over) what(...said);
      };
    return {
      onStreams: heard((peer: Id, streams: Streams) => this.heardStreams(peer, streams)),
      onLink: heard((peer: Id, link: PeerLink) => {
        this.call.links.set(peer, link);
        this.judge();
      }),
      onQuality: heard((quality: Quality) => this.switches.hearQuality(quality)),
      onDown: heard((reason: 'server' | 'network') => this.heardDown(reason)),
    };
  }

  private heardStreams(peer: Id, streams: Streams): void {
    const { call } = this;
    const entry = call.entries.find((each) => each.peer === peer);
    const taken = entry && !entry.speak ? { voice: null, picture: null, screen: null } : streams;
    call.streams.set(peer, taken);
    this.sounds.play(peer, taken.voice);
    this.hearing.listenTo(peer, taken.voice);
  }

  private heardDown(reason: 'server' | 'network'): void {
    this.wayDown = true;
    if (reason === 'server') this.call.problem = { kind: 'server_gone', device: null, words: words.callServerGone() };
    this.judge();
    if (!this.tickets.waiting) this.tickets.again();
  }

  /** Whether one is in the call, or coming back to it. */
  private judge(): void {
    const { call } = this;
    if (this.over || !this.joined) return;
    if (!this.way) return;
    const others = this.remotes.map(({ peer }) => call.links.get(peer) ?? 'connecting');
    const line = this.store.link.state === 'connected';
    const lost = others.length > 0 ? others.every((link) => link === 'lost') : !line;
    call.phase = this.wayDown || lost ? 'back' : 'in';
    this.judgeNetwork(lost && line && !this.wayDown);
  }

  /** The room speaks, and yet nobody is reached: something between here and the others lets nothing through. */
  private judgeNetwork(unreached: boolean): void {
    const { call } = this;
    if (!unreached) {
      clearTimeout(this.unreached);
      this.unreached = undefined;
      if (call.problem?.kind === 'no_way') call.problem = null;
      return;
    }
    this.unreached ??= setTimeout(() => (call.problem = { kind: 'no_way', device: null, words: words.callNoWay() }), UNREACHED_FOR);
  }

  // What the room says

  private get remotes(): RemotePeer[] {
    const { me, entries } = this.call;
    return entries.filter(({ peer }) => peer !== me).map(({ peer, guest, speak, low }) => ({ peer, guest, speak, low }));
  }

  heardState(_state: RoomState): void {
    if (!this.joined) return;
    const { call } = this;
    if (!this.store.can('call')) {
      this.endOfRight();
      return;
    }
    if (call.way !== 'mesh' && call.way !== 'livekit') {
      this.end('none', words.callWayGone());
      return;
    }
    if (this.which !== this.seen) {
      this.seen = this.which;
      const { ticket } = this;
      if (ticket && (ticket.epoch !== call.epoch || ticket.way !== call.way) && !this.tickets.waiting) this.tickets.renew();
    }
    this.meet();
    this.judge();
  }

  /** Who is in the call now: whoever is not is neither seen nor heard. */
  private meet(): void {
    const { call, remotes } = this;
    const here = new Set(remotes.map(({ peer }) => peer));
    const met = JSON.stringify(remotes);
    if (this.way && met !== this.met) {
      this.met = met;
      this.way.meet(remotes);
    }
    for (const peer of [...call.streams.keys()]) {
      if (here.has(peer)) continue;
      call.streams.delete(peer);
      this.sounds.stop(peer);
      this.hearing.listenTo(peer, null);
    }
    for (const peer of [...call.links.keys()]) if (!here.has(peer)) call.links.delete(peer);
    this.use();
    void this.switches.judgeCamera();
  }

  hear(frame: OtherFrame): void {
    switch (frame.t) {
      case 'call.ticket':
      case 'call.refused':
        this.tickets.hear(frame);
        break;
      case 'call.ended':
        if (!this.joined) break;
        if (frame['reason'] === 'moved') this.tickets.join();
        else this.endOfRight();
        break;
      default:
        this.way?.heard(frame);
    }
  }

  private endOfRight(): void {
    this.end('ended', this.store.you?.guest ? words.callEndedSlot() : words.callEndedAccess());
  }

  lineDown(): void {
    this.tickets.lineDown();
    this.judge();
  }

  /** The others go on under the same name; what was asked for meanwhile is asked for now. */
  lineUp(): void {
    if (this.joined) this.tickets.join();
  }

  private hide(hidden: boolean): void {
    this.hidden = hidden;
    this.use();
  }

  showPictures(shown: boolean): void {
    this.picturesShown = shown;
    this.use();
  }

  private get wishes() {
    const { low, entries, active } = this.call;
    return { picture: this.picturesShown && !this.hidden && !low ? ('all' as const) : ('none' as const), peers: Math.max(1, entries.length), low, active };
  }

  private use(): void {
    const { wishes } = this;
    const used = JSON.stringify(wishes);
    if (!this.way || used === this.used) return;
    this.used = used;
    this.way.use(wishes);
  }

  // What this person does

  private given(tracks: Partial<OwnTracks>): void {
    if (tracks.voice !== undefined) this.hearing.listenToMyself(tracks.voice);
    void this.way?.give(tracks);
  }

  tellState(): void {
    const { state } = this;
    const text = JSON.stringify(state);
    if (!this.joined || !this.way || text === this.told) return;
    if (this.store.tell({ do: 'call.state', state })) this.told = text;
  }

  choose(kind: DeviceKind, id: string): Promise<void> {
    return this.own.choose(kind, id);
  }

  dismissSameRoom(): void {
    this.hearing.dismiss();
  }

  async unblock(): Promise<void> {
    if (this.call.problem?.kind === 'blocked') this.call.problem = null;
    await this.sounds.unblock();
  }

  async testSound(): Promise<void> {
    if (this.call.testing) return;
    this.call.testing = true;
    try {
      await this.sounds.test();
    } catch {
      // Nothing was heard: that is what somebody wanted to know.
    } finally {
      this.call.testing = false;
    }
  }
}

/** Through a media server: its library is heavy, and loaded where it is needed. */
async function livekit(events: WayEvents): Promise<Way> {
  const { LiveKitWay } = await import('./livekit');
  return new LiveKitWay(events);
}
