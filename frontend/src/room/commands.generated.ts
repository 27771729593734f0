/* Made from the code by `mdo generate`; do not edit. */

export const SUBPROTOCOL = 'mdo.room.v1';

export type Id = string;

/** What is agreed beside the steps: codes of the board's lists, with what they leave open. */
export interface Agreed {
  guideline: string;
  trial: string;
  trial_name: string;
  informs: string;
  informs_who: string;
  actions: AgreedAction[];
}

/** Something that somebody does after the meeting. `owner`: a person's id, empty while it is open; `due`: an ISO date. */
export interface AgreedAction {
  id: Id;
  text: string;
  owner: string;
  due: string;
}

/** One step of a recommendation. */
export interface Step {
  kind: string;
  text: string;
}

/** What a client may ask for, and with which arguments. */
export interface Commands {
  /** Bring a late case onto the agenda. */
  'agenda.add_late': {
    referral: Id;
    minutes: number;
  };
  /** Bring a topic onto the agenda. */
  'agenda.add_topic': {
    title: string;
    minutes: number;
  };
  /** Say which protocol covers a case; empty: none. */
  'agenda.mark_protocol': {
    item: Id;
    version: number;
    protocol: string;
  };
  /** Give an item another place, counted from 1. */
  'agenda.move_item': {
    item: Id;
    to: number;
    version: number;
  };
  /** Close the open item, open the next one. */
  'agenda.next': {
    from_item: Id | null;
  };
  /** Put an item on the table. */
  'agenda.open_item': {
    item: Id;
    version: number;
  };
  /** Set an item aside until the others are done. */
  'agenda.park': {
    item: Id;
    version: number;
  };
  /** Postpone an item with a coded reason. */
  'agenda.postpone': {
    item: Id;
    version: number;
    reason: string;
    note: string;
    to_meeting: Id | null;
  };
  /** Take back the last step, within 30 s. */
  'agenda.undo': Record<string, never>;
  /** Bring a parked item back into the order. */
  'agenda.unpark': {
    item: Id;
    version: number;
  };
  /** Switch all microphones off. */
  'call.mute_all': Record<string, never>;
  /** Record the recommendation as it stands; `text` is the number of the wording's last update that was seen. */
  'decision.record': {
    item: Id;
    version: number;
    text: number | null;
  };
  /** Record cases that a protocol covers, in one gesture. */
  'decision.record_protocol': {
    items: Id[];
  };
  /** Write on what was recorded, while its item is on the table. */
  'decision.reopen': {
    item: Id;
  };
  /** Save the steps, the intent, a deviation from the guideline, and what is agreed beside them. */
  'draft.save': {
    item: Id;
    version: number;
    intent: string | null;
    steps: Step[];
    protocol_deviation: string;
    agreed: Agreed | null;
  };
  /** Show a guest out. */
  'guest.eject': {
    guest: Id;
  };
  /** End the meeting; `covered` says what becomes of the cases under a protocol that wait. */
  'meeting.close': {
    covered: string;
  };
  /** Let a secretary record, or no longer. */
  'meeting.delegate_recording': {
    person: Id;
    allowed: boolean;
  };
  /** Go on after a break. */
  'meeting.end_break': Record<string, never>;
  /** Let a deputy chair. */
  'meeting.hand_over': {
    person: Id;
  };
  /** Let everybody follow somebody's view; `null`: nobody's. */
  'meeting.present': {
    person: Id | null;
  };
  /** Open the meeting. */
  'meeting.start': Record<string, never>;
  /** The board's own chair leads again. */
  'meeting.take_back': Record<string, never>;
  /** Begin a break. */
  'meeting.take_break': {
    minutes: number;
  };
  /** Somebody sits before one's own screen. */
  'presence.beside': {
    name: string;
    discipline: string;
    person: Id | null;
  };
  /** Somebody left one's screen. */
  'presence.beside_leave': {
    id: Id;
  };
  /** Put the wording on every screen. */
  'readback.begin': {
    item: Id;
    version: number;
    text: number;
  };
  /** Confirm the wording. */
  'readback.confirm': {
    item: Id;
    round: number;
  };
  /** Dissent from the wording, with a reason that is kept. */
  'readback.dissent': {
    item: Id;
    round: number;
    reason: string;
  };
  /** Take the wording off the screens, to change it. */
  'readback.withdraw': {
    item: Id;
  };
  /** Add what came too late for the recommendation. */
  'remark.late': {
    item: Id;
    text: string;
  };
  /** Write in the chat of an item; it is kept. */
  'remark.say': {
    item: Id;
    text: string;
  };
  /** Let the screen on a wall that shows this code show the meeting. */
  'wall.pair': {
    code: string;
  };
  /** Let a screen on a wall go dark. */
  'wall.unpair': {
    id: Id;
  };
}

export type RefusalCode =
  | 'forbidden'
  | 'id_reused'
  | 'invalid'
  | 'not_found'
  | 'rule'
  | 'stale'
  | 'too_fast'
  | 'unavailable'
  | 'unproved';

/** What the room offers to those who have the right to it. */
export type Right =
  | 'add_late'
  | 'call'
  | 'close'
  | 'draft'
  | 'invite'
  | 'postpone'
  | 'read_back'
  | 'record'
  | 'reorder'
  | 'run'
  | 'share'
  | 'sign'
  | 'speak';

/** Why the server ended a connection. */
export const CLOSE = {
  SESSION_ENDED: 4401,
  NO_ACCESS: 4403,
  REPLACED: 4409,
  TOO_FAST: 4429,
  TOO_LARGE: 1009,
  MALFORMED: 1008,
  RESTART: 1012,
  BEHIND: 1013,
  PROTOCOL: 1002,
} as const;
