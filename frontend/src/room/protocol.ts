/** The wire of the room, subprotocol `mdo.room.v1`: what frames hold, nothing else. */

import type { Agreed, AgreedAction, Commands, Id, RefusalCode, Right, Step } from './commands.generated';

export { CLOSE, SUBPROTOCOL } from './commands.generated';
export type { Agreed, AgreedAction, Commands, Id, RefusalCode, Right, Step };

export type Iso = string;

export interface You {
  person: Id;
  name: string;
  organisation: Id;
  roles: string[];
  can: Right[];
  guest: boolean;
}

export type MeetingState = 'planned' | 'published' | 'running' | 'closed' | 'cancelled';

export interface Meeting {
  id: Id;
  board: string;
  starts_at: Iso;
  ends_at: Iso;
  state: MeetingState;
  started_at: Iso | null;
  closed_at: Iso | null;
  current: Id | null;
  version: number;
  /** How a wording is confirmed before it is recorded, a setting of the board. */
  read_back?: 'off' | 'no_objection' | 'each';
  presenter?: Id | null;
  break?: { since: Iso; until: Iso } | null;
  /** Breaks that ended. */
  breaks?: [Iso, Iso][];
  /** After how many minutes a break is proposed where none is planned, a setting of the board; 0: never. */
  break_after?: number;
  /** Who chairs by hand-over, beside the chair of the board. */
  chairs?: Id[];
  /** Who may record by delegation. */
  scribes?: Id[];
  /** The last step at the table, as long as it can be taken back. */
  undo?: { what: string; until: Iso; by: Id | null } | null;
  call?: MeetingCall;
}

/** How picture and sound go in this meeting. */
export interface MeetingCall {
  way: 'mesh' | 'livekit' | 'own' | 'none';
  /** Which call of this meeting it is: a text that tells nothing, for equality only. */
  epoch: string;
  /** When all microphones were last switched off, and by whom. */
  muted_at: Iso | null;
  muted_by: Id | null;
  /** The hospital's own system, and a number to dial in by. */
  link: string | null;
  dial_in: string | null;
  /** This site has a media server. */
  server: boolean;
}

/** What somebody sends and shows in the call; `low`: sound only. */
export interface PeerState {
  mic: boolean;
  camera: boolean;
  screen: boolean;
  hand: boolean;
  low: boolean;
}

/** One connection of a person that is in the call. */
export interface PersonCall extends PeerState {
  peer: Id;
  guest: boolean;
  speak: boolean;
  since: Iso | null;
  hand_at: Iso | null;
}

export interface ReadBackVoice {
  person: Id;
  name: string;
  discipline: string;
  kind: 'confirm' | 'dissent';
}

/** A wording that is read back now; reasons of a dissent are in the draft. */
export interface ReadBack {
  at: Iso;
  by: Id | null;
  by_name: string;
  round: number;
  voices: ReadBackVoice[];
  /** Disciplines whose word is still awaited. */
  missing: string[];
}

export type ItemState = 'scheduled' | 'open' | 'discussed' | 'postponed' | 'withdrawn';

export interface Item {
  id: Id;
  position: number;
  kind: 'case' | 'topic';
  label: string;
  organisation: Id | null;
  requester: string | null;
  minutes: number;
  state: ItemState;
  late: boolean;
  opened_at: Iso | null;
  closed_at: Iso | null;
  /** Seconds of the stretches that ended; the stretch that runs is counted from `opened_at`. */
  spent_s: number;
  postponed_reason: string | null;
  version: number;
  /** Rises when the case behind the item changes: what lies on the table has to be fetched again. */
  content?: number;
  draft: { version: number };
  decision: { id: Id; state: 'recorded' | 'signed'; version: number } | null;
  /** Waits beside the order of the agenda. */
  parked?: boolean;
  /** The protocol that covers the case; empty where none does. */
  protocol?: string;
  /** How many remarks there are; when it rises, they are fetched again. */
  talk?: { chat: number; late: number };
  /** Who was told that the item comes soon. */
  called?: Id[];
  read_back?: ReadBack | null;
}

/** Somebody behind the same screen. */
export interface Beside {
  id: Id;
  name: string;
  discipline: string;
}

export interface Person {
  id: Id;
  name: string;
  discipline: string;
  organisation: Id;
  role: string;
  present: boolean;
  means: 'video' | 'room' | 'phone' | null;
  since: Iso | null;
  beside?: Beside[];
  calls?: PersonCall[];
}

export interface Organisation {
  name: string;
  short: string;
  colour: number;
}

/** Expected times from the state alone; the overrun of the open item is added where they are shown. */
export interface Forecast {
  end: Iso;
  items: Record<Id, Iso>;
  /** Planned breaks that are still to come, by the item that waits behind each. */
  breaks?: Record<Id, { at: Iso; minutes: number }>;
}

export interface QuorumCount {
  met: boolean;
  have: number;
  need: number;
  reasons: string[];
}

export interface Quorum extends QuorumCount {
  billing: QuorumCount | null;
}

export interface Candidate {
  referral: Id;
  label: string;
  organisation: Id;
}

/** A later sitting of the board. */
export interface Sitting {
  id: Id;
  starts_at: Iso;
}

export interface Guest {
  id: Id;
  item: Id;
  name: string;
  state: 'invited' | 'confirmed' | 'waiting' | 'in' | 'out' | 'revoked';
}

/** A remark beside an item, as `GET …/items/<item>/remarks/` answers it. */
export interface Remark {
  id: Id;
  kind: 'chat' | 'late';
  by: Id;
  name: string;
  organisation: string;
  at: Iso;
  text: string;
}

export interface Wall {
  id: Id;
  by: Id;
  at: Iso;
}

export interface Room {
  meeting: Meeting;
  organisations: Record<Id, Organisation>;
  items: Item[];
  people: Person[];
  forecast: Forecast | null;
  quorum: Quorum | null;
  reasons: Record<string, string>;
  steps: Record<string, string>;
  intents: Record<string, string>;
  /** The lists behind what is agreed beside the steps; empty where the board has none. */
  guidelines?: Record<string, string>;
  trials?: Record<string, string>;
  informers?: Record<string, string>;
  candidates: Candidate[];
  /** Where an item can be postponed to, for those who may. */
  sittings: Sitting[];
  /** Who was invited to one item, for those who run the meeting. */
  guests: Guest[];
  /** Screens on walls that show this meeting; for whoever may let them go. */
  walls: Wall[];
  /** Where a guest's own item stands; null for everybody else. */
  slot: 'waiting' | 'in' | 'out' | null;
  disciplines: Record<string, string>;
}

export interface Patch {
  meeting?: Meeting;
  items?: Item[];
  removed?: Id[];
  people?: Person[];
  people_removed?: Id[];
  forecast?: Forecast;
  quorum?: Quorum;
  candidates?: Candidate[];
  sittings?: Sitting[];
  guests?: Guest[];
  walls?: Wall[];
  organisations?: Record<Id, Organisation>;
  you?: You;
}

export interface SnapshotFrame {
  t: 'snapshot';
  seq: number;
  now: Iso;
  you: You;
  room: Partial<Room> & { meeting: Meeting };
}

export interface EventFrame {
  t: 'event';
  seq: number;
  at: Iso;
  by: Id | null;
  name: string;
  data: Patch;
}

export interface AckFrame {
  t: 'ack';
  id: Id;
  seq: number;
}

export interface RefusedFrame {
  t: 'refused';
  id: Id | null;
  code: RefusalCode;
  message: string;
  field?: string | null;
  current?: number | null;
}

export interface HeadFrame {
  t: 'head';
  seq: number;
  now: Iso;
}

export type Frame = SnapshotFrame | EventFrame | AckFrame | RefusedFrame | HeadFrame;

/** A voice on the wording that was read back, as it stands in the record. */
export interface Voice {
  person: Id;
  name: string;
  discipline: string;
  kind: 'confirm' | 'dissent';
  reason: string;
  at: Iso;
}

/** What is agreed, with the names of who does what. */
export interface AgreedHere extends Agreed {
  actions: (AgreedAction & { name?: string })[];
}

/** What `GET …/items/<item>/draft/` answers. */
export interface DraftContent {
  version: number;
  intent: string | null;
  steps: Step[];
  deviation: string;
  agreed?: AgreedHere;
  /** Who can be given an action, for whoever writes. */
  owners?: { id: Id; name: string }[];
  state?: 'draft' | 'recorded' | 'signed' | null;
  editable: boolean;
  /** The recommendation and the discussion as they stood when this was fetched. */
  text: string;
  discussion?: string;
  voices?: Voice[];
  frozen?: boolean;
}

/** A kind of frame that this file does not know: whoever listens for its `t` reads it. */
export interface OtherFrame {
  t: string;
  [part: string]: unknown;
}

/** What one browser needs to take part in the call (`call.ticket`); a media server adds `urls`, `token` and `key`. */
export interface Ticket {
  id: Id;
  way: 'mesh' | 'livekit';
  peer: Id;
  epoch: string;
  speak: boolean;
  expires_at: Iso;
  ice: RTCIceServer[];
  relay_only: boolean;
  urls?: string[];
  token?: string;
  key?: string | null;
}

export interface CandidateLine {
  candidate: string;
  sdpMid: string | null;
  sdpMLineIndex: number | null;
  usernameFragment: string | null;
}

/** What one browser says to another (`call.signal`). */
export type SignalData =
  | { kind: 'description'; type: 'offer' | 'answer'; sdp: string }
  | { kind: 'candidates'; candidates: CandidateLine[] }
  | { kind: 'want'; picture: boolean; height: number }
  | { kind: 'again'; rebuild: boolean }
  | { kind: 'bye' };

export type CommandName = keyof Commands;

/** A frame from the bytes of a message, or null for anything that is none: a newer server may say more. */
export function readFrame(data: unknown): Frame | null {
  if (typeof data !== 'string') return null;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('t' in value)) return null;
  const frame = value as Frame;
  switch (frame.t) {
    case 'snapshot':
      return Number.isInteger(frame.seq) && frame.room?.meeting ? frame : null;
    case 'event':
      return Number.isInteger(frame.seq) && typeof frame.data === 'object' && frame.data !== null ? frame : null;
    case 'ack':
    case 'head':
      return Number.isInteger(frame.seq) ? frame : null;
    case 'refused':
      return typeof frame.code === 'string' ? frame : null;
    default:
      return null;
  }
}

/** A frame of a kind that `readFrame` does not know, or null. */
export function readOtherFrame(data: unknown): OtherFrame | null {
  if (typeof data !== 'string') return null;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && 't' in value && typeof value.t === 'string' ? (value as OtherFrame) : null;
  } catch {
    return null;
  }
}
