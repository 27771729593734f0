/** The small server's answers to what the chair's side does: read-back, breaks, order, hand-over, talk. */
import type { Commands, Id, Item, Patch, ReadBack, Remark, Room, Voice } from './protocol';
import type { Table } from './table.testing';

export interface Extras {
  remarks: Map<Id, Remark[]>;
  voices: Map<Id, Voice[]>;
  /** The room before the step that can be taken back. */
  before: Room | null;
}

type Refuse = (code: 'rule' | 'stale', message: string, current?: number) => never;

/** Do it and answer the sequence, or null for a command of another kind. */
export function chairAct(table: Table, by: Id, name: keyof Commands | 'ping' | 'resume', args: Record<string, unknown>, refuse: Refuse): number | null {
  const { room, extras } = table;
  const { meeting } = room;
  const at = new Date(table.now()).toISOString();
  const later = (minutes: number) => new Date(table.now() + minutes * 60_000).toISOString();
  const item = 'item' in args ? table.item(args['item']) : null;
  const fresh = () => item!.version === args['version'] || refuse('stale', 'This changed meanwhile.', item!.version);
  const meet = (change: Partial<Room['meeting']>, event: string, patch: Patch = {}) => {
    table.room.meeting = { ...table.room.meeting, ...change, version: table.room.meeting.version + 1 };
    return table.happen(event, { ...patch, meeting: table.room.meeting }, by);
  };
  /** A step that can be taken back: the change of one item, and of the meeting with it. */
  const step = (row: Item, change: Partial<Item>, event: string) => {
    extras.before = structuredClone(room);
    const changed = { ...row, ...change, version: row.version + 1 };
    table.room.items = room.items.map((other) => (other.id === row.id ? changed : other));
    const undo = { what: name, until: new Date(table.now() + 30_000).toISOString(), by };
    return meet({ undo, current: changed.state === 'open' ? row.id : meeting.current === row.id ? null : meeting.current }, event, { items: [changed] });
  };
  const voice = (kind: Voice['kind'], reason: string) => {
    const read = item!.read_back ?? refuse('rule', 'The wording is not being read back.');
    if (read.round !== args['round']) refuse('stale', 'The wording changed meanwhile. Read it again.', read.round);
    const person = room.people.find((each) => each.id === by)!;
    const said: Voice = { person: by, name: person.name, discipline: person.discipline, kind, reason, at };
    extras.voices.set(item!.id, [...(extras.voices.get(item!.id) ?? []).filter((each) => each.person !== by), said]);
    const { reason: _reason, at: _at, ...shown } = said;
    const voices = [...read.voices.filter((each) => each.person !== by), shown];
    const read_back: ReadBack = { ...read, voices, missing: read.missing.filter((each) => each !== person.discipline) };
    return table.change(item!, { read_back }, 'readback.voice_given', by, false);
  };

  switch (name) {
    case 'agenda.park':
      fresh();
      return step(item!, { parked: true, state: 'scheduled' }, 'agenda.item_parked');
    case 'agenda.unpark':
      fresh();
      return step(item!, { parked: false }, 'agenda.item_parked');
    case 'agenda.undo': {
      const { before } = extras;
      if (!before || !meeting.undo) return refuse('rule', 'There is nothing to undo any more.');
      table.room.items = before.items.map((row) => ({ ...row, version: row.version + 2 }));
      return meet({ undo: null, current: before.meeting.current, break: before.meeting.break ?? null }, 'agenda.step_undone', { items: table.room.items });
    }
    case 'meeting.take_break':
      return meet({ break: { since: at, until: later(Number(args['minutes'])) } }, 'meeting.break_begun');
    case 'meeting.end_break':
      return meet({ break: null, breaks: [...(meeting.breaks ?? []), [meeting.break!.since, at]] }, 'meeting.break_ended');
    case 'meeting.hand_over':
      return meet({ chairs: [String(args['person'])] }, 'meeting.chair_handed_over');
    case 'meeting.take_back':
      return meet({ chairs: [] }, 'meeting.chair_handed_over');
    case 'meeting.delegate_recording':
      return meet({ scribes: args['allowed'] ? [String(args['person'])] : [] }, 'meeting.recording_delegated');
    case 'meeting.present':
      return meet({ presenter: args['person'] as Id | null }, 'meeting.presenter_named');
    case 'agenda.mark_protocol':
      fresh();
      return table.change(item!, { protocol: String(args['protocol']) }, 'agenda.protocol_marked', by);
    case 'decision.record_protocol': {
      const ids = args['items'] as Id[];
      const items = room.items.filter((row) => ids.includes(row.id)).map((row): Item => ({ ...row, state: 'discussed', version: row.version + 1, decision: { id: crypto.randomUUID(), state: 'recorded', version: 1 } }));
      table.room.items = room.items.map((row) => items.find((each) => each.id === row.id) ?? row);
      return table.happen('decision.recorded', { items }, by);
    }
    case 'readback.begin': {
      if (item!.draft.version !== args['version']) refuse('stale', 'The text changed in between. Read it again.', item!.draft.version);
      const person = room.people.find((each) => each.id === by)!;
      const round = (extras.voices.size ? 1 : 0) + 1;
      const missing = meeting.read_back === 'each' ? [...new Set(room.people.filter((each) => each.present).map((each) => each.discipline))] : [];
      return table.change(item!, { read_back: { at, by, by_name: person.name, round, voices: [], missing } }, 'readback.begun', by);
    }
    case 'readback.confirm':
      return voice('confirm', '');
    case 'readback.dissent':
      return voice('dissent', String(args['reason']));
    case 'readback.withdraw':
      return table.change(item!, { read_back: null }, 'readback.withdrawn', by);
    case 'decision.reopen':
      return table.change(item!, { decision: null }, 'decision.reopened', by);
    case 'remark.say':
    case 'remark.late': {
      const kind = name === 'remark.say' ? 'chat' : 'late';
      return table.remark(item!.id, { id: crypto.randomUUID(), kind, by, name: room.people.find((each) => each.id === by)?.name ?? '?', organisation: 'ZB', at, text: String(args['text']) });
    }
    case 'presence.beside':
    case 'presence.beside_leave': {
      const row = room.people.find((each) => (name === 'presence.beside' ? each.id === by : each.beside?.some((one) => one.id === args['id'])))!;
      const beside =
        name === 'presence.beside'
          ? [...(row.beside ?? []), { id: crypto.randomUUID(), name: String(args['name']), discipline: room.disciplines[String(args['discipline'])]! }]
          : row.beside!.filter((one) => one.id !== args['id']);
      const changed = { ...row, beside };
      table.room.people = room.people.map((each) => (each === row ? changed : each));
      return table.happen('presence.beside_changed', { people: [changed] }, by);
    }
    case 'guest.eject':
      table.room.guests = room.guests.map((guest) => (guest.id === args['guest'] ? { ...guest, state: 'revoked' } : guest));
      return table.happen('guest.ejected', { guests: table.room.guests }, by);
    default:
      return null;
  }
}

export const noExtras = (): Extras => ({ remarks: new Map(), voices: new Map(), before: null });
