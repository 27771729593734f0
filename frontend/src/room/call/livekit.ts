/**
 * Through a media server (LiveKit): one line to it for everybody. A call goes on in another room of it when the room's epoch
 * moves (`meetings/call.py`): one is in the new one before the old one is left, so nobody hears a gap. A server that is lost is
 * looked for at its other addresses; when it is nowhere, the call asks for another ticket.
 */
import { ConnectionError, ConnectionErrorReason } from 'livekit-client';
import type { Id, OtherFrame, Ticket } from '../protocol';
import { Hall, SILENT_AFTER } from './hall';
import type { OwnTracks, PeerLink, RemotePeer, Streams, Way, WayEvents, Wishes } from './way';

/** All in ms. */
const LOOKED_FOR = 9_000;
const TRIED_EVERY = 400;
/** Nobody answers at any address: so long until it is believed. */
const NOWHERE_FOR = 1_500;
const LEFT_AFTER = 2_000;
const LOOK_EVERY = 1_000;
const MEASURE_EVERY = 2_000;

const NOTHING: Streams = { voice: null, picture: null, screen: null };

/** What a failed try says: try again, nobody is there, or this ticket opens nothing. */
export type Failure = 'again' | 'nowhere' | 'closed';

export function failureOf(error: unknown): Failure {
  if (!(error instanceof ConnectionError)) return 'again';
  if (error.reason === ConnectionErrorReason.NotAllowed) return 'closed';
  return error.reason === ConnectionErrorReason.ServerUnreachable || error.reason === ConnectionErrorReason.WebSocket ? 'nowhere' : 'again';
}

/** From the room that one is in, else from the one that is being left: so nothing is dark while somebody goes from one to the other. */
export function joined(now: Streams, before: Streams): Streams {
  return { voice: now.voice ?? before.voice, picture: now.picture ?? before.picture, screen: now.screen ?? before.screen };
}

class Overtaken extends Error {}

export class LiveKitWay implements Way {
  private ticket: Ticket | null = null;
  private own: OwnTracks = { voice: null, picture: null, screen: null };
  private wishes: Wishes = { picture: 'all', peers: 1, low: false, active: null };
  private remotes: RemotePeer[] = [];
  private hall: Hall | null = null;
  private before: Hall | null = null;
  private leaving: ReturnType<typeof setTimeout> | undefined;
  private looking: ReturnType<typeof setInterval> | undefined;
  private readonly streams = new Map<Id, Streams>();
  private readonly links = new Map<Id, PeerLink>();
  private turn = 0;
  private over = false;
  private measured = 0;
  private wake: (() => void) | null = null;

  constructor(private readonly events: WayEvents) {}

  async join(ticket: Ticket, own: OwnTracks): Promise<void> {
    this.own = { ...own };
    await this.move(ticket);
    this.looking = setInterval(() => void this.look(), LOOK_EVERY);
  }

  async renew(ticket: Ticket): Promise<void> {
    const { ticket: before, hall } = this;
    const same = before && before.epoch === ticket.epoch && before.peer === ticket.peer && before.speak === ticket.speak;
    // The server renews the token of whoever is in; this one is for coming back.
    if (same && hall?.connected) this.ticket = ticket;
    else await this.move(ticket);
  }

  /** Into the room of this ticket; the one before is left a moment later. */
  private async move(ticket: Ticket): Promise<void> {
    const turn = (this.turn += 1);
    this.ticket = ticket;
    this.wake?.();
    const hall = await this.enter(ticket, turn);
    if (this.turn !== turn || this.over) {
      await hall.close();
      throw new Overtaken();
    }
    const { hall: old } = this;
    this.hall = hall;
    hall.use(this.wishes);
    await hall.give(this.giving);
    await this.leaveBehind(old);
    this.tell();
  }

  private async leaveBehind(old: Hall | null): Promise<void> {
    const { before } = this;
    this.before = old;
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => {
      this.before = null;
      void old?.close();
      this.tell();
    }, LEFT_AFTER);
    await before?.close();
  }

  /** The first server that lets one in. Raises what the last one said. */
  private async enter(ticket: Ticket, turn: number): Promise<Hall> {
    const began = Date.now();
    for (;;) {
      const failures = new Set<Failure>();
      let said: unknown = new Error('no address');
      for (const url of ticket.urls ?? []) {
        try {
          return await this.tryAt(url, ticket);
        } catch (error) {
          said = error;
          failures.add(failureOf(error));
        }
        if (this.turn !== turn || this.over) throw new Overtaken();
      }
      const passed = Date.now() - began;
      const nowhere = !failures.has('again') && !failures.has('closed') && navigator.onLine;
      if (failures.has('closed') || passed > (nowhere ? NOWHERE_FOR : LOOKED_FOR)) throw said;
      await this.pause();
      if (this.turn !== turn || this.over) throw new Overtaken();
    }
  }

  private async tryAt(url: string, ticket: Ticket): Promise<Hall> {
    const found: { hall: Hall | null } = { hall: null };
    found.hall = await Hall.enter(url, ticket, {
      changed: () => this.tell(),
      lost: (out) => this.lost(found.hall, out),
    });
    return found.hall;
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, TRIED_EVERY);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  // When it is lost

  private lost(hall: Hall | null, out: boolean): void {
    if (this.over || !hall) return;
    if (hall !== this.hall) {
      if (hall === this.before) this.tell();
      return;
    }
    if (out) {
      this.hall = null;
      this.tell();
      this.events.onDown('network');
    } else void this.comeBack(hall);
  }

  private async comeBack(hall: Hall): Promise<void> {
    const { ticket } = this;
    if (!ticket || this.hall !== hall) return;
    this.hall = null;
    void hall.close();
    this.tell();
    try {
      await this.move(ticket);
    } catch (error) {
      if (error instanceof Overtaken || this.over) return;
      this.events.onDown(navigator.onLine && failureOf(error) !== 'closed' ? 'server' : 'network');
    }
  }

  private async look(): Promise<void> {
    const { hall } = this;
    if (!hall) return;
    const at = Date.now();
    const { quality, silentFor } = await hall.measure(at);
    if (this.over || this.hall !== hall) return;
    if (quality && at - this.measured >= MEASURE_EVERY) {
      this.measured = at;
      this.events.onQuality(quality);
    }
    if (silentFor >= SILENT_AFTER || hall.gone) await this.comeBack(hall);
    else {
      if (hall.connected && hall.lacking) void hall.give(this.giving);
      this.tell();
    }
  }

  restart(): void {
    this.wake?.();
    this.hall?.restart();
  }

  async leave(): Promise<void> {
    this.over = true;
    this.turn += 1;
    clearInterval(this.looking);
    clearTimeout(this.leaving);
    this.wake?.();
    const { hall, before } = this;
    this.hall = this.before = null;
    await Promise.all([hall?.close(), before?.close()]);
  }

  // What goes and what comes

  /** Sound only means one's own picture, too. */
  private get giving(): OwnTracks {
    return { ...this.own, picture: this.wishes.low ? null : this.own.picture };
  }

  async give(own: Partial<OwnTracks>): Promise<void> {
    this.own = { ...this.own, ...own };
    await Promise.all([this.hall?.give(this.giving), this.before?.give(this.giving)]);
  }

  use(wishes: Wishes): void {
    const { low } = this.wishes;
    this.wishes = wishes;
    this.hall?.use(wishes);
    if (low !== wishes.low) void this.give({});
  }

  meet(peers: RemotePeer[]): void {
    this.remotes = peers;
    this.tell();
  }

  /** Whoever was shown out is out of the server's room, too. */
  heard(_frame: OtherFrame): void {}

  /** Say what is another than it was. */
  private tell(): void {
    if (this.over) return;
    const { hall, before } = this;
    const here = new Set(this.remotes.map(({ peer }) => peer));
    for (const peer of [...this.streams.keys()]) if (!here.has(peer)) this.streams.delete(peer);
    for (const peer of [...this.links.keys()]) if (!here.has(peer)) this.links.delete(peer);
    for (const { peer, speak } of this.remotes) {
      const streams = speak ? joined(hall?.streams(peer) ?? NOTHING, before?.streams(peer) ?? NOTHING) : NOTHING;
      const known = this.streams.get(peer) ?? NOTHING;
      if (streams.voice !== known.voice || streams.picture !== known.picture || streams.screen !== known.screen) {
        this.streams.set(peer, streams);
        this.events.onStreams(peer, streams);
      }
      const there = (hall?.connected && hall.has(peer)) || (before?.connected && before.has(peer));
      const link: PeerLink = there ? 'connected' : hall?.connected ? 'connecting' : 'lost';
      if (this.links.get(peer) !== link) {
        this.links.set(peer, link);
        this.events.onLink(peer, link);
      }
    }
  }
}
