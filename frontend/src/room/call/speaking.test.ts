import { describe, expect, test } from 'vitest';
import { levelOf } from './levels';
import { EMPTY_FLOOR, floorAfter, Voice } from './speaking';

/** Let a voice hear levels every 50 ms; answers the moments at which it changed. */
function changes(levels: number[], voice = new Voice()): [number, boolean][] {
  const found: [number, boolean][] = [];
  levels.forEach((level, at) => {
    const before = voice.speaking;
    if (voice.hear(level, at * 50) !== before) found.push([at * 50, voice.speaking]);
  });
  return found;
}

const quiet = (n: number, level = 0.08): number[] => Array<number>(n).fill(level);
const loud = (n: number, level = 0.6): number[] => Array<number>(n).fill(level);

describe('a voice', () => {
  test('begins after a tenth of a second, ends after a pause', () => {
    expect(changes([...quiet(20), ...loud(40), ...quiet(40)])).toEqual([
      [1_100, true],
      [3_600, false],
    ]);
  });

  test('a knock is none, and a breath between two words is no end', () => {
    expect(changes([...quiet(20), ...loud(1), ...quiet(20)])).toEqual([]);
    expect(changes([...quiet(20), ...loud(20), ...quiet(8), ...loud(20)])).toEqual([[1_100, true]]);
  });

  test('does not flicker around the threshold', () => {
    const around = Array.from({ length: 200 }, (_, at) => (at % 2 ? 0.33 : 0.26));
    expect(changes([...quiet(20), ...loud(4), ...around])).toEqual([[1_100, true]]);
  });

  test('the hum of a fan is not speech, and speech above it is', () => {
    const fan = quiet(600, 0.38);
    const voice = new Voice();
    changes(fan, voice);
    expect(voice.speaking).toBe(false);
    for (let at = 600; at < 640; at++) voice.hear(0.7, at * 50);
    expect(voice.speaking).toBe(true);
  });
});

describe('who is shown large', () => {
  const here = new Set(['a', 'b', 'c']);

  function floors(steps: [number, string[], Set<string>?][]) {
    let floor = EMPTY_FLOOR;
    const shown: (string | null)[] = [];
    let at = 0;
    for (const [ms, speaking, present = here] of steps) {
      for (const until = at + ms; at < until; at += 50) floor = floorAfter(floor, new Set(speaking), present, at);
      shown.push(floor.active);
    }
    return shown;
  }

  test('nobody, until somebody speaks; then whoever speaks, and they stay in silence', () => {
    expect(floors([[1_000, []], [100, ['a']], [60_000, []]])).toEqual([null, 'a', 'a']);
  });

  test('somebody who speaks is not pushed off by another one who speaks too', () => {
    expect(floors([[3_000, ['a']], [10_000, ['a', 'b']], [2_000, ['b']]])).toEqual(['a', 'a', 'b']);
  });

  test('a word thrown in does not take the place, and it does not jump', () => {
    expect(floors([[3_000, ['a']], [500, ['b']], [3_000, ['a']]])).toEqual(['a', 'a', 'a']);
    expect(floors([[100, ['a']], [1_000, ['b']], [1_500, ['b']]])).toEqual(['a', 'a', 'b']);
  });

  test('of several the one who has spoken longest', () => {
    expect(floors([[3_000, ['a']], [200, ['c']], [3_000, ['b', 'c']]])).toEqual(['a', 'a', 'c']);
  });

  test('whoever leaves goes at once', () => {
    expect(floors([[3_000, ['a']], [50, ['a'], new Set(['b'])], [50, ['b'], new Set(['b'])]])).toEqual(['a', null, 'b']);
  });
});

test('levels: nothing is 0, the loudest is 1, and each ten decibels are a sixth', () => {
  const tone = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, at) => (at % 2 ? amplitude : -amplitude));
  expect(levelOf(new Float32Array(1024))).toBe(0);
  expect(levelOf(tone(1))).toBe(1);
  expect(levelOf(tone(0.1))).toBeCloseTo(1 - 20 / 60, 5);
  expect(levelOf(tone(0.01))).toBeCloseTo(1 - 40 / 60, 5);
  expect(levelOf(tone(0.0001))).toBe(0);
  expect(levelOf(new Float32Array(0))).toBe(0);
});
