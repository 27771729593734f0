import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aPerson, aRoom, anItem, CHAIR, itemId, personId } from './fixtures.testing';
import type { EventFrame, Patch, Room, SnapshotFrame } from './protocol';
import { readFrame } from './protocol';
import { applyEvent, fromSnapshot, nextItem, openItem, patched, type RoomState } from './state';

const snapshot = (room: Room, seq = 10): SnapshotFrame => ({ t: 'snapshot', seq, now: '2026-11-25T13:00:00Z', you: CHAIR, room });
const event = (seq: number, data: Patch): EventFrame => ({ t: 'event', seq, at: '2026-11-25T13:00:00Z', by: null, name: 'x', data });

/** The server's side of the law: the tables after a patch, written down without the code under test. */
function tablesAfter(room: Room, patch: Patch): Room {
  const items = new Map(room.items.map((item) => [item.id, item]));
  for (const id of patch.removed ?? []) items.delete(id);
  for (const item of patch.items ?? []) items.set(item.id, item);
  const people = new Map(room.people.map((person) => [person.id, person]));
  for (const id of patch.people_removed ?? []) people.delete(id);
  for (const person of patch.people ?? []) people.set(person.id, person);
  return {
    ...room,
    meeting: patch.meeting ?? room.meeting,
    organisations: { ...room.organisations, ...patch.organisations },
    items: [...items.values()],
    people: [...people.values()],
    forecast: patch.forecast ?? room.forecast,
    quorum: patch.quorum ?? room.quorum,
    candidates: patch.candidates ?? room.candidates,
    sittings: patch.sittings ?? room.sittings,
    guests: patch.guests ?? room.guests,
  };
}

const some = fc.integer({ min: 1, max: 9 });
const anyItem = fc
  .record({ n: some, position: fc.integer({ min: 1, max: 12 }), version: fc.integer({ min: 1, max: 99 }), state: fc.constantFrom('scheduled', 'open', 'discussed', 'postponed') })
  .map(({ n, ...change }) => anItem(n, change as Partial<ReturnType<typeof anItem>>));
const anyPerson = fc.record({ n: some, present: fc.boolean() }).map(({ n, present }) => aPerson(n, { present }));
const anyPatch: fc.Arbitrary<Patch> = fc.record(
  {
    items: fc.array(anyItem, { maxLength: 4 }),
    removed: fc.array(some.map(itemId), { maxLength: 2 }),
    people: fc.array(anyPerson, { maxLength: 3 }),
    people_removed: fc.array(some.map(personId), { maxLength: 2 }),
    meeting: fc.record({ version: fc.integer({ min: 1, max: 99 }) }).map(({ version }) => ({ ...aRoom().meeting, version })),
    forecast: fc.constant({ end: '2026-11-25T15:00:00Z', items: {} }),
    candidates: fc.constant([]),
    guests: fc.constant([{ id: 'g', item: itemId(1), name: 'dr. G.', state: 'waiting' as const }]),
    sittings: fc.constant([]),
  },
  { requiredKeys: [] },
);

describe('the law of the snapshot', () => {
  test('a snapshot with the events after it is a fresh snapshot', () => {
    fc.assert(
      fc.property(fc.array(anyPatch, { maxLength: 20 }), (patches) => {
        let tables = aRoom();
        let state: RoomState = fromSnapshot(snapshot(tables, 10));
        patches.forEach((patch, i) => {
          tables = tablesAfter(tables, patch);
          state = applyEvent(state, event(11 + i, patch)).state;
        });
        expect(state).toEqual(fromSnapshot(snapshot(tables, 10 + patches.length)));
      }),
    );
  });

  test('repeated and interleaved replays end in the same state', () => {
    fc.assert(
      fc.property(fc.array(anyPatch, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(11), { maxLength: 30 }), (patches, noise) => {
        const frames = patches.map((patch, i) => event(11 + i, patch));
        const once = frames.reduce((state, frame) => applyEvent(state, frame).state, fromSnapshot(snapshot(aRoom())));
        let state = fromSnapshot(snapshot(aRoom()));
        for (const frame of frames) {
          for (const n of noise) {
            const before = frames[n % frames.length]!;
            if (before.seq < frame.seq) state = applyEvent(state, before).state;
          }
          state = applyEvent(state, frame).state;
        }
        expect(state).toEqual(once);
      }),
    );
  });

  test('without the rule about holes the law would not hold', () => {
    const first = event(11, { items: [anItem(6)] });
    const second = event(12, { removed: [itemId(6)] });
    const start = fromSnapshot(snapshot(aRoom()));
    const careless = { ...start, ...patched({ ...start, ...patched(start, second.data) }, first.data) };
    expect(careless.room.items.length).toBe(6);
    const held = applyEvent(start, second);
    expect(held).toEqual({ state: start, outcome: 'gap' });
    expect(applyEvent(applyEvent(held.state, first).state, second).state.room.items.length).toBe(5);
  });
});

describe('applying one event', () => {
  const start = fromSnapshot(snapshot(aRoom()));

  test('an event that was seen changes nothing', () => {
    expect(applyEvent(start, event(10, { items: [anItem(9)] }))).toEqual({ state: start, outcome: 'duplicate' });
  });

  test('what a patch does not name stays the same object', () => {
    const { state } = applyEvent(start, event(11, { people: [aPerson(2, { present: false })] }));
    expect(state.room.items).toBe(start.room.items);
    expect(state.room.people.map((person) => person.present)).toEqual([true, false, true]);
    expect(state.seq).toBe(11);
  });

  test('an empty patch counts the sequence on', () => {
    expect(applyEvent(start, event(11, {}))).toEqual({ state: { ...start, seq: 11 }, outcome: 'applied' });
  });

  test('items stand in the order of their positions', () => {
    const { state } = applyEvent(start, event(11, { items: [anItem(1, { position: 3 }), anItem(2, { position: 1 }), anItem(3, { position: 2 })] }));
    expect(state.room.items.map((item) => item.id)).toEqual([2, 3, 1, 4, 5].map(itemId));
  });

  test('new rights arrive with a patch', () => {
    const { state } = applyEvent(start, event(11, { you: { ...CHAIR, can: [] } }));
    expect(state.you.can).toEqual([]);
  });
});

test('a guest’s snapshot lacks nearly everything and is complete all the same', () => {
  const state = fromSnapshot({ t: 'snapshot', seq: 0, now: '2026-11-25T13:00:00Z', you: { ...CHAIR, guest: true }, room: { meeting: aRoom().meeting, items: [], people: [] } });
  expect(state.room).toEqual({
    meeting: aRoom().meeting,
    organisations: {},
    items: [],
    people: [],
    forecast: null,
    quorum: null,
    reasons: {},
    steps: {},
    intents: {},
    guidelines: {},
    trials: {},
    informers: {},
    candidates: [],
    sittings: [],
    guests: [],
    walls: [],
    slot: null,
    disciplines: {},
  });
});

test('the open item and the next one', () => {
  const items = [anItem(1, { state: 'discussed' }), anItem(2, { state: 'open' }), anItem(3, { state: 'postponed' }), anItem(4)];
  const room = aRoom({ items, meeting: { ...aRoom().meeting, current: itemId(2) } });
  expect([openItem(room)?.id, nextItem(room)?.id]).toEqual([itemId(2), itemId(4)]);
  const parked = anItem(1, { parked: true });
  expect(nextItem(aRoom({ items: [parked, anItem(2)] }))?.id).toBe(itemId(2));
  expect(nextItem(aRoom({ items: [parked, anItem(2, { state: 'discussed' })] }))?.id).toBe(itemId(1));
  expect(openItem(aRoom())).toBeNull();
});

describe('reading a frame', () => {
  test.each([['not json'], ['[]'], ['null'], ['"t"'], ['{}'], ['{"t":"event","seq":"1","data":{}}'], ['{"t":"event","seq":1,"data":null}'], ['{"t":"snapshot","seq":1,"room":{}}'], ['{"t":"later"}'], ['{"t":"refused"}']])(
    '%s is none',
    (text) => expect(readFrame(text)).toBeNull(),
  );

  test('bytes are none', () => expect(readFrame(new ArrayBuffer(2))).toBeNull());

  test('a head is one', () => expect(readFrame('{"t":"head","seq":4,"now":"2026-11-25T13:00:00Z"}')).toEqual({ t: 'head', seq: 4, now: '2026-11-25T13:00:00Z' }));
});
