import { describe, expect, test } from 'vitest';
import { aPerson } from '../fixtures.testing';
import type { Person, PersonCall } from '../protocol';
import { KEPT, Roster } from './roster';

const aCall = (peer: string, change: Partial<PersonCall> = {}): PersonCall => ({
  ...{ peer, mic: true, camera: true, screen: false, hand: false, low: false, guest: false, speak: true, hand_at: null },
  since: '2026-11-25T13:00:00Z',
  ...change,
});

const people = (...calls: PersonCall[][]): Person[] => calls.map((each, at) => aPerson(at + 1, { calls: each }));
const peers = (roster: Roster, room: Person[], at: number) => roster.meet(room, at).map(({ peer }) => peer);

describe('who is in the call', () => {
  test('every connection of everybody, in the order in which they came, with who they are', () => {
    const roster = new Roster();
    const entries = roster.meet(people([aCall('b', { since: '2026-11-25T13:05:00Z' }), aCall('a')], [], [aCall('c')]), 0);
    expect(entries.map(({ peer, name }) => [peer, name])).toEqual([
      ['a', 'dr. P. Persoon 1'],
      ['c', 'dr. P. Persoon 3'],
      ['b', 'dr. P. Persoon 1'],
    ]);
    expect(roster.until).toBe(null);
  });

  test('somebody who was cut is waited for, and comes back as if nothing had been', () => {
    const roster = new Roster();
    const room = people([aCall('a')], [aCall('b')]);
    roster.meet(room, 0);
    expect(peers(roster, people([aCall('a')], []), 1_000)).toEqual(['a', 'b']);
    expect(roster.until).toBe(1_000 + KEPT);
    expect(peers(roster, room, 5_000)).toEqual(['a', 'b']);
    expect(roster.until).toBe(null);
  });

  test('not for longer than a moment', () => {
    const roster = new Roster();
    roster.meet(people([aCall('a')], [aCall('b')]), 0);
    const without = people([aCall('a')], []);
    peers(roster, without, 1_000);
    expect(peers(roster, without, 1_000 + KEPT - 1)).toEqual(['a', 'b']);
    expect(peers(roster, without, 1_000 + KEPT)).toEqual(['a']);
    expect(roster.until).toBe(null);
  });

  test('a guest is never waited for', () => {
    const roster = new Roster();
    roster.meet(people([aCall('a')], [aCall('b', { guest: true })]), 0);
    expect(peers(roster, people([aCall('a')], []), 1)).toEqual(['a']);
  });

  test('nor is anybody who said goodbye or was shown out, whatever the room still says', () => {
    const roster = new Roster();
    const room = people([aCall('a')], [aCall('b')]);
    roster.meet(room, 0);
    roster.gone(['b', 'unknown'], 100);
    expect(peers(roster, room, 200)).toEqual(['a']);
    expect(peers(roster, people([aCall('a')], []), 300)).toEqual(['a']);
    // They come again, even under the same name.
    expect(peers(roster, room, 400)).toEqual(['a', 'b']);
  });

  test('who comes again so soon that the room never missed them is let in', () => {
    const roster = new Roster();
    roster.meet(people([aCall('a')], [aCall('b')]), 0);
    roster.gone(['b'], 100);
    expect(peers(roster, people([aCall('a')], [aCall('b', { since: '2026-11-25T13:00:01Z' })]), 200)).toEqual(['a', 'b']);
  });

  test('a goodbye does not outlive what the room says for long', () => {
    const roster = new Roster();
    const room = people([aCall('a')], [aCall('b')]);
    roster.meet(room, 0);
    roster.gone(['b'], 0);
    expect(peers(roster, room, 9_000)).toEqual(['a']);
    expect(roster.until).toBe(10_000);
    expect(peers(roster, room, 10_000)).toEqual(['a', 'b']);
  });
});
