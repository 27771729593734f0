import { expect, test } from 'vitest';
import type { Item } from './protocol';
import { Reading } from './reading.svelte';
import type { RoomStore } from './room.svelte';

const item = (round: number | null, id = 'a') => ({ id, read_back: round === null ? null : { round } }) as unknown as Item;

/** Which part of the room a phone shows after a frame. */
function shown(before: Item | null, after: Item | null): string {
  const store = { pane: 'stage' } as unknown as RoomStore;
  new Reading(store, () => Promise.reject(new Error('not asked'))).heard(before, after);
  return store.pane;
}

test('a wording is shown when it is put before everybody, and to whoever comes in while it stands', () => {
  expect(shown(item(null), item(1))).toBe('recommendation');
  expect(shown(item(1), item(2))).toBe('recommendation');
  expect(shown(null, item(1))).toBe('recommendation');
});

test('whoever looks elsewhere is left alone while nothing new is read back', () => {
  expect(shown(item(1), item(1))).toBe('stage');
  expect(shown(item(1), item(null))).toBe('stage');
  expect(shown(null, item(null))).toBe('stage');
  expect(shown(item(null, 'b'), item(1))).toBe('stage'); // they went to look at another item
  expect(shown(null, null)).toBe('stage');
});
