import { describe, expect, test } from 'vitest';
import { follows, likeness, SameRoom } from './sameroom';

/** Chance that is the same in every run (mulberry32). */
function chance(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The curve of somebody speaking: words of a few tenths of a second, and pauses. */
function speech(n: number, seed: number): number[] {
  const random = chance(seed);
  const curve: number[] = [];
  while (curve.length < n) {
    const loud = random() < 0.65;
    const length = 2 + Math.floor(random() * 7);
    const height = loud ? 0.45 + random() * 0.3 : 0.08 + random() * 0.06;
    for (let i = 0; i < length; i++) curve.push(height + (random() - 0.5) * 0.06);
  }
  return curve.slice(0, n);
}

const later = (curve: number[], steps: number): number[] => [...Array<number>(steps).fill(0.08), ...curve.slice(0, curve.length - steps)];

/** The same room as another microphone hears it: quieter, a little squeezed, with noise of its own. */
function elsewhere(curve: number[], seed: number): number[] {
  const random = chance(seed);
  return curve.map((level) => 0.1 + level * 0.7 + (random() - 0.5) * 0.1);
}

function found(mine: (number | null)[], theirs: Record<string, number[]>): (string | null)[] {
  const room = new SameRoom();
  return mine.map((level, at) => room.hear(level, new Map(Object.entries(theirs).map(([id, curve]) => [id, curve[at]!]))));
}

describe('two curves', () => {
  test('are alike or not, whatever their height', () => {
    const curve = speech(80, 1);
    expect(likeness(curve, curve.map((level) => level * 0.5 + 0.2))).toBeCloseTo(1, 5);
    expect(likeness(curve, curve.map((level) => 1 - level))).toBeCloseTo(-1, 5);
    expect(Math.abs(likeness(curve, speech(80, 2)))).toBeLessThan(0.5);
    expect(likeness(Array<number>(80).fill(0.1), Array<number>(80).fill(0.1))).toBe(0);
    expect(likeness([], [])).toBe(0);
  });

  test.each([2, 4, 8, 16])('of one room follow each other by %s steps', (lag) => {
    const mine = speech(120, 3);
    expect(follows(mine, later(elsewhere(mine, 4), lag))).toBe(true);
  });

  test('what my loudspeaker plays into my microphone is no other microphone', () => {
    const theirs = speech(120, 5);
    expect(follows(later(elsewhere(theirs, 6), 3), theirs)).toBe(false);
  });
});

describe('the same room', () => {
  test('is found within seconds, and by name', () => {
    const mine = speech(300, 7);
    const all = found(mine, { far: speech(300, 8), near: later(elsewhere(mine, 9), 5) });
    const first = all.findIndex((each) => each !== null);
    expect(all[first]).toBe('near');
    expect(first).toBeLessThan(200);
    expect(all).not.toContain('far');
  });

  test.each(Array.from({ length: 40 }, (_, seed) => seed))('is not found among voices of two places (%s)', (seed) => {
    expect(found(speech(1_200, seed * 2 + 100), { other: speech(1_200, seed * 2 + 101) }).filter(Boolean)).toEqual([]);
  });

  test('is not found where two take turns, nor in silence', () => {
    const mine = speech(600, 11);
    const turns = mine.map((level) => 0.75 - level);
    expect(found(mine, { other: turns }).filter(Boolean)).toEqual([]);
    expect(found(Array<number>(600).fill(0.1), { other: Array<number>(600).fill(0.1) }).filter(Boolean)).toEqual([]);
  });

  test('is not looked for while one of the two is off', () => {
    const mine = speech(300, 12);
    const near = later(elsewhere(mine, 13), 5);
    expect(found(mine.map(() => null), { near }).filter(Boolean)).toEqual([]);
    expect(found(mine, {}).filter(Boolean)).toEqual([]);
  });
});
