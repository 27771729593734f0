/* Made from the code by `mdo generate`; do not edit. */

export const SUBPROTOCOL = 'mdo.room.v1';

export type Id = string;

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
  /** Postpone an item with a coded reason. */
  'agenda.postpone': {
    item: Id;
    version: number;
    reason: string;
    note: string;
    to_meeting: Id | null;
  };
  /** Record the recommendation as it stands. */
  'decision.record': {
    item: Id;
    version: number;
  };
  /** Lay the pen down. */
  'draft.release_pen': {
    item: Id;
  };
  /** Save what the pen wrote. */
  'draft.save': {
    item: Id;
    version: number;
    text: string;
    intent: string | null;
    steps: Step[];
    protocol_deviation: string;
  };
  /** Take the pen of the open item. */
  'draft.take_pen': {
    item: Id;
  };
  /** End the meeting. */
  'meeting.close': Record<string, never>;
  /** Open the meeting. */
  'meeting.start': Record<string, never>;
}

export type RefusalCode =
  | 'forbidden'
  | 'id_reused'
  | 'invalid'
  | 'not_found'
  | 'rule'
  | 'stale'
  | 'too_fast'
  | 'unavailable';

/** What the room offers to those who have the right to it. */
export type Right =
  | 'add_late'
  | 'close'
  | 'draft'
  | 'postpone'
  | 'record'
  | 'reorder'
  | 'run'
  | 'share'
  | 'sign';

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
