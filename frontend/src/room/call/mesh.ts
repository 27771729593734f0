/**
 * From browser to browser: a line to each other one (`peer.ts`), begun over the room's socket. Between a guest and anybody
 * else sound and picture go through the relay alone, so that neither learns where the other one is.
 */
import type { CandidateLine, Id, OtherFrame, SignalData, Ticket } from '../protocol';
import { Pace } from './pace';
import { Peer } from './peer';
import { overall, PICTURES_UP_TO } from './quality';
import type { OwnTracks, PeerLink, RemotePeer, Streams, Way, WayEvents, Wishes } from './way';

/** All in ms. */
const TICK = 500;
export const MEASURE_EVERY = 2_000;
/** Sound and picture are gone for so long that the room's own line is doubted too, and again so often. */
const DOUBT_AFTER = 3_000;
const DOUBT_EVERY = 4_000;
/** Signals of somebody whom the room has not named yet are kept for a moment. */
const EARLY_FOR = 10_000;
const EARLY_AT_MOST = 60;
const EARLY_PEERS = 32;

/** The server closes whoever says more than it takes (`meetings/room/`: consumer.py, calls.py); all lines together stay below that. */
const CANDIDATES: [number, number] = [320, 8];
const SIGNALS: [number, number] = [60, 15];

const LARGE = 360;
const SMALL = 180;

const isText = (value: unknown): value is string => typeof value === 'string';

/** What another browser says, or null where it is nothing that is understood. */
export function readSignalData(data: unknown): SignalData | null {
  if (typeof data !== 'object' || data === null) return null;
  const { kind, type, sdp, candidates, picture, height, rebuild } = data as Record<string, unknown>;
  switch (kind) {
    case 'description':
      return (type === 'offer' || type === 'answer') && isText(sdp) ? { kind, type, sdp } : null;
    case 'candidates': {
      if (!Array.isArray(candidates)) return null;
      const lines = (candidates as unknown[]).flatMap((each): CandidateLine[] => {
        const { candidate, sdpMid = null, sdpMLineIndex = null, usernameFragment = null } = (each ?? {}) as Record<string, unknown>;
        if (!isText(candidate) || !(sdpMid === null || isText(sdpMid)) || !(usernameFragment === null || isText(usernameFragment))) return [];
        if (!(sdpMLineIndex === null || Number.isInteger(sdpMLineIndex))) return [];
        return [{ candidate, sdpMid, sdpMLineIndex: sdpMLineIndex as number | null, usernameFragment }];
      });
      return { kind, candidates: lines };
    }
    case 'want':
      return typeof picture === 'boolean' && Number.isInteger(height) ? { kind, picture, height: height as number } : null;
    case 'again':
      return typeof rebuild === 'boolean' ? { kind, rebuild } : null;
    case 'bye':
      return { kind };
    default:
      return null;
  }
}

/** The room's line, over which browsers find each other. */
export interface RoomLine {
  /** False when there is none now: then it is gone. */
  say(to: Id, data: SignalData): boolean;
  /** Sound and picture stopped: is this line still one? */
  doubt(): void;
}

export type MakeConnection = (configuration: RTCConfiguration) => RTCPeerConnection;

export class Mesh implements Way {
  private ticket: Ticket | null = null;
  private own: OwnTracks = { voice: null, picture: null, screen: null };
  private wishes: Wishes = { picture: 'all', peers: 1, low: false, active: null };
  private readonly lines = new Map<Id, Peer>();
  private remotes: RemotePeer[] = [];
  private early: { from: Id; data: SignalData; at: number }[] = [];
  private ticker: ReturnType<typeof setInterval> | undefined;
  private measurer: ReturnType<typeof setInterval> | undefined;
  private doubted = 0;
  private readonly candidates = new Pace(...CANDIDATES);
  private readonly signals = new Pace(...SIGNALS);
  private waiting: { to: Id; data: SignalData }[] = [];

  constructor(
    private readonly events: WayEvents,
    private readonly line: RoomLine,
    private readonly make: MakeConnection = (configuration) => new RTCPeerConnection(configuration),
  ) {}

  async join(ticket: Ticket, own: OwnTracks): Promise<void> {
    this.ticket = ticket;
    this.own = own;
    this.ticker = setInterval(() => this.tick(), TICK);
    this.measurer = setInterval(() => void this.measure(), MEASURE_EVERY);
    this.meet(this.remotes);
  }

  meet(peers: RemotePeer[]): void {
    this.remotes = peers;
    const { ticket } = this;
    if (!ticket) return;
    const here = new Map(peers.map((each) => [each.peer, each]));
    for (const [id, line] of this.lines) {
      const known = here.get(id);
      if (known && this.carries(known)) line.refresh(known);
      else this.cut(id);
    }
    for (const remote of peers) {
      if (this.lines.has(remote.peer) || remote.peer === ticket.peer || !this.carries(remote)) continue;
      this.begin(remote, ticket);
    }
  }

  /** Nothing flows between two who only listen. */
  private carries(remote: RemotePeer): boolean {
    if (remote.speak || this.ticket?.speak) return true;
    this.events.onLink(remote.peer, 'connected');
    return false;
  }

  private begin(remote: RemotePeer, ticket: Ticket): void {
    const relayOnly = ticket.relay_only || remote.guest;
    if (relayOnly && !ticket.ice.length) {
      this.events.onLink(remote.peer, 'lost');
      return;
    }
    const id = remote.peer;
    this.lines.set(id, new Peer(this.around(), remote, relayOnly));
    const said = this.early.filter((each) => each.from === id);
    this.early = this.early.filter((each) => each.from !== id);
    for (const { data } of said) this.lines.get(id)?.hear(data);
  }

  private cut(id: Id): void {
    this.lines.get(id)?.close();
    this.lines.delete(id);
  }

  private configuration(relayOnly: boolean): RTCConfiguration {
    return { iceServers: this.ticket?.ice ?? [], iceTransportPolicy: relayOnly ? 'relay' : 'all', bundlePolicy: 'max-bundle' };
  }

  private around() {
    const mesh = this;
    return {
      get me() {
        return mesh.ticket?.peer ?? '';
      },
      get speak() {
        return mesh.ticket?.speak ?? false;
      },
      get own() {
        return mesh.own;
      },
      get peers() {
        return mesh.wishes.peers;
      },
      get low() {
        return mesh.wishes.low;
      },
      wants: (peer: Id) => mesh.wants(peer),
      configuration: (relayOnly: boolean) => mesh.configuration(relayOnly),
      make: (configuration: RTCConfiguration) => mesh.make(configuration),
      say: (to: Id, data: SignalData) => mesh.say(to, data),
      allowed: (wanted: number) => mesh.candidates.take(wanted),
      onStreams: (peer: Id, streams: Streams) => mesh.events.onStreams(peer, streams),
      onLink: (peer: Id, link: PeerLink) => mesh.events.onLink(peer, link),
    };
  }

  /** Small pictures are asked for in a small size. */
  private wants(peer: Id): number {
    const { picture, low, peers, active } = this.wishes;
    if (picture === 'none' || low || peers > PICTURES_UP_TO) return 0;
    return peers <= 3 || peer === active ? LARGE : SMALL;
  }

  /** What is said beyond the pace waits in its order. */
  private say(to: Id, data: SignalData): boolean {
    if (!this.waiting.length && this.signals.take(1)) return this.line.say(to, data);
    this.waiting.push({ to, data });
    return true;
  }

  private sayWaiting(): void {
    while (this.waiting.length && this.signals.take(1)) {
      const { to, data } = this.waiting.shift()!;
      if (this.lines.has(to)) this.line.say(to, data);
    }
  }

  async give(own: Partial<OwnTracks>): Promise<void> {
    this.own = { ...this.own, ...own };
    this.refresh();
  }

  use(wishes: Wishes): void {
    this.wishes = wishes;
    this.refresh();
  }

  private refresh(): void {
    for (const line of this.lines.values()) line.refresh();
  }

  heard(frame: OtherFrame): void {
    if (frame.t === 'call.gone' && Array.isArray(frame['peers'])) {
      for (const id of frame['peers'] as Id[]) this.cut(id);
      return;
    }
    const data = frame.t === 'call.signal' ? readSignalData(frame['data']) : null;
    const from = frame['from'];
    if (!data || !isText(from)) return;
    const line = this.lines.get(from);
    if (data.kind === 'bye') this.cut(from);
    else if (line) line.hear(data);
    else this.keepEarly(from, data);
  }

  /** The room names everybody who is in the call; whoever is not named yet is heard when they are. */
  private keepEarly(from: Id, data: SignalData): void {
    const at = Date.now();
    this.early = this.early.filter((each) => at - each.at < EARLY_FOR);
    const of = new Set(this.early.map((each) => each.from));
    if (!of.has(from) && of.size >= EARLY_PEERS) return;
    if (this.early.filter((each) => each.from === from).length < EARLY_AT_MOST) this.early.push({ from, data, at });
  }

  async renew(ticket: Ticket): Promise<void> {
    const before = this.ticket;
    this.ticket = ticket;
    const other = before && (before.peer !== ticket.peer || before.speak !== ticket.speak || before.relay_only !== ticket.relay_only);
    if (other) {
      for (const id of [...this.lines.keys()]) this.cut(id);
      this.meet(this.remotes);
      return;
    }
    this.waiting = [];
    for (const line of this.lines.values()) {
      line.renew();
      line.again();
    }
    this.meet(this.remotes);
  }

  restart(): void {
    for (const line of this.lines.values()) line.restart();
  }

  async leave(): Promise<void> {
    clearInterval(this.ticker);
    clearInterval(this.measurer);
    for (const id of [...this.lines.keys()]) {
      this.line.say(id, { kind: 'bye' });
      this.cut(id);
    }
    this.ticket = null;
    this.early = [];
  }

  private tick(): void {
    this.sayWaiting();
    for (const line of this.lines.values()) line.tick();
    const at = Date.now();
    const lost = [...this.lines.values()].some((line) => line.lostSince !== null && at - line.lostSince >= DOUBT_AFTER);
    if (lost && at - this.doubted >= DOUBT_EVERY) {
      this.doubted = at;
      this.line.doubt();
    }
  }

  private async measure(): Promise<void> {
    const lines = await Promise.all([...this.lines.values()].map((line) => line.measure().catch(() => null)));
    const all = overall(lines.filter((line) => line !== null));
    if (all) this.events.onQuality(all);
  }
}
