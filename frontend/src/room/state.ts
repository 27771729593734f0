/**
 * What the room is, from frames alone. The law: a snapshot with the events after it equals
 * a fresh snapshot, because applying an event replaces by id and does nothing else.
 */
import type { EventFrame, Item, Patch, Person, Room, SnapshotFrame, You } from './protocol';

export interface RoomState {
  seq: number;
  you: You;
  room: Room;
}

export type Applied =
  | { state: RoomState; outcome: 'applied' | 'duplicate' }
  /** Events are missing in between: ask for them, this one changed nothing. */
  | { state: RoomState; outcome: 'gap' };

const byPosition = (a: Item, b: Item) => a.position - b.position || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
const byName = (a: Person, b: Person) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** The state that a snapshot stands for; what a guest's snapshot leaves out is empty. */
export function fromSnapshot(frame: SnapshotFrame): RoomState {
  const room = frame.room;
  return {
    seq: frame.seq,
    you: frame.you,
    room: {
      meeting: room.meeting,
      organisations: room.organisations ?? {},
      items: [...(room.items ?? [])].sort(byPosition),
      people: [...(room.people ?? [])].sort(byName),
      forecast: room.forecast ?? null,
      quorum: room.quorum ?? null,
      reasons: room.reasons ?? {},
      steps: room.steps ?? {},
      intents: room.intents ?? {},
      guidelines: room.guidelines ?? {},
      trials: room.trials ?? {},
      informers: room.informers ?? {},
      candidates: room.candidates ?? [],
      sittings: room.sittings ?? [],
      guests: room.guests ?? [],
      walls: room.walls ?? [],
      slot: room.slot ?? null,
      disciplines: room.disciplines ?? {},
    },
  };
}

function replaceById<T extends { id: string }>(rows: T[], changed: T[] | undefined, removed: string[] | undefined): T[] {
  if (!changed?.length && !removed?.length) return rows;
  const gone = new Set(removed);
  const fresh = new Map(changed?.map((row) => [row.id, row]));
  const kept: T[] = [];
  for (const row of rows) {
    if (gone.has(row.id) && !fresh.has(row.id)) continue;
    kept.push(fresh.get(row.id) ?? row);
    fresh.delete(row.id);
  }
  kept.push(...fresh.values());
  return kept;
}

/** The room with a patch in it; what the patch does not name stays the same object. */
export function patched(state: RoomState, patch: Patch): Pick<RoomState, 'you' | 'room'> {
  const room = state.room;
  const items = replaceById(room.items, patch.items, patch.removed);
  const people = replaceById(room.people, patch.people, patch.people_removed);
  return {
    you: patch.you ?? state.you,
    room: {
      ...room,
      meeting: patch.meeting ?? room.meeting,
      organisations: patch.organisations ? { ...room.organisations, ...patch.organisations } : room.organisations,
      items: items === room.items ? items : [...items].sort(byPosition),
      people: people === room.people ? people : [...people].sort(byName),
      forecast: patch.forecast ?? room.forecast,
      quorum: patch.quorum ?? room.quorum,
      candidates: patch.candidates ?? room.candidates,
      sittings: patch.sittings ?? room.sittings,
      guests: patch.guests ?? room.guests,
      walls: patch.walls ?? room.walls,
    },
  };
}

/** Apply one event: once, and only right after the one before it. */
export function applyEvent(state: RoomState, frame: EventFrame): Applied {
  if (frame.seq <= state.seq) return { state, outcome: 'duplicate' };
  if (frame.seq > state.seq + 1) return { state, outcome: 'gap' };
  return { state: { seq: frame.seq, ...patched(state, frame.data) }, outcome: 'applied' };
}

export function itemById(room: Room, id: string | null): Item | null {
  return id === null ? null : (room.items.find((item) => item.id === id) ?? null);
}

/** The item on the table. */
export function openItem(room: Room): Item | null {
  return itemById(room, room.meeting.current) ?? room.items.find((item) => item.state === 'open') ?? null;
}

/** Waits in the parking lot, beside the order of the agenda. */
export function isParked(item: Item): boolean {
  return item.parked === true && item.state === 'scheduled';
}

/** Waits to be recorded by its protocol, without discussion. */
export function isCovered(item: Item): boolean {
  return Boolean(item.protocol) && item.state === 'scheduled';
}

/** The item that *Next* would open: the first that waits to be discussed, in the order of the agenda; parked ones after all others. */
export function nextItem(room: Room): Item | null {
  const waiting = room.items.filter((item) => item.state === 'scheduled' && !isCovered(item));
  return waiting.find((item) => !isParked(item)) ?? waiting[0] ?? null;
}
