/** What one way of carrying sound and picture does. Nothing of one way is known in another, nor outside of this folder. */
import type { Id, OtherFrame, Ticket } from '../protocol';

export interface OwnTracks {
  voice: MediaStreamTrack | null;
  picture: MediaStreamTrack | null;
  screen: MediaStreamTrack | null;
}

/** What comes from one peer. A track that is there may still be silent or dark: what they send stands in the room's state. */
export type Streams = OwnTracks;

/** Somebody else in the call, out of the room's state (`people[].calls`). */
export interface RemotePeer {
  peer: Id;
  guest: boolean;
  /** May send; of anybody else nothing is taken. */
  speak: boolean;
  /** Asks for sound only. */
  low: boolean;
}

export type PeerLink = 'connecting' | 'connected' | 'lost';

/** How the line is, measured every two seconds. */
export interface Quality {
  /** Share of what was sent that got lost, 0 to 1. */
  loss: number;
  rttMs: number;
  /** What the line could carry upwards, where the browser knows. */
  outgoingKbps: number | null;
}

/** What is worth sending and asking for now. */
export interface Wishes {
  /** Whether pictures of the others are shown here. */
  picture: 'all' | 'none';
  /** How many are in the call, oneself among them. */
  peers: number;
  /** Sound only. */
  low: boolean;
  /** Who is shown large. */
  active: Id | null;
}

export interface WayEvents {
  onStreams(peer: Id, streams: Streams): void;
  onLink(peer: Id, link: PeerLink): void;
  onQuality(quality: Quality): void;
  /** The way itself is gone: whoever wants to go on asks for a new ticket. */
  onDown(reason: 'server' | 'network'): void;
}

export interface Way {
  join(ticket: Ticket, own: OwnTracks): Promise<void>;
  /** Who else is in the call now. */
  meet(peers: RemotePeer[]): void;
  give(own: Partial<OwnTracks>): Promise<void>;
  use(wishes: Wishes): void;
  /** What a peer's browser says (`call.signal`), or that peers were shown out (`call.gone`). */
  heard(frame: OtherFrame): void;
  /** A fresh ticket: of the same call, or of the one that it moved to. */
  renew(ticket: Ticket): Promise<void>;
  /** The network changed, or a line that was silent speaks again. */
  restart(): void;
  leave(): Promise<void>;
}
