import { describe, expect, test } from 'vitest';
import {
  BACK_AFTER,
  bestStep,
  climbed,
  LET_BE,
  LOW_AFTER,
  lowAfter,
  lowPressed,
  NO_PICTURE,
  NOT_LOW,
  overall,
  planFor,
  STEPS,
  TOP,
  type Ladder,
  type Lowness,
  type Wanted,
} from './quality';
import type { Quality } from './way';

const GOOD: Quality = { loss: 0, rttMs: 40, outgoingKbps: 2_000 };
const BAD: Quality = { loss: 0.2, rttMs: 200, outgoingKbps: 2_000 };
const FAIR: Quality = { loss: 0.05, rttMs: 200, outgoingKbps: 2_000 };

const wanted = (change: Partial<Wanted> = {}): Wanted => ({ peers: 2, step: 0, low: false, theyLow: false, picture: true, height: 360, sharing: false, ...change });

/** Measure every 2 s for so long, beginning at a moment. */
function over<State>(state: State, next: (state: State, line: Quality, at: number) => State, line: Quality, from: number, ms: number): State {
  for (let at = from; at <= from + ms; at += 2_000) state = next(state, line, at);
  return state;
}

describe('what is sent', () => {
  test('less of each picture the more there are; with more than six none, but a screen', () => {
    expect([2, 3, 4, 5, 6, 7, 24].map((peers) => planFor(wanted({ peers })).picture?.kbps ?? 0)).toEqual([600, 600, 400, 250, 250, 0, 0]);
    expect(planFor(wanted({ peers: 7 })).screen).toEqual({ height: 1080, fps: 8, kbps: 500 });
    expect(bestStep(7)).toBe(NO_PICTURE);
  });

  test('all cameras of the largest mesh together fit into two megabits', () => {
    for (const peers of [2, 3, 4, 5, 6]) {
      const { picture, voiceKbps } = planFor(wanted({ peers }));
      expect((peers - 1) * (picture!.kbps + voiceKbps)).toBeLessThan(2_000);
    }
  });

  test('sound always, whatever else is left out', () => {
    for (const change of [{ low: true }, { theyLow: true }, { peers: 24 }, { step: NO_PICTURE }, { picture: false }]) {
      const plan = planFor(wanted(change));
      expect(plan.voiceKbps).toBeGreaterThanOrEqual(20);
      expect(plan.picture).toBe(null);
    }
  });

  test('whoever asks for sound only is sent no screen either; whoever is low themselves may still share one', () => {
    expect(planFor(wanted({ theyLow: true })).screen).toBe(null);
    expect(planFor(wanted({ low: true })).screen).toEqual({ height: 1440, fps: 3, kbps: 400 });
  });

  test('a small picture needs few bits, and beside a screen the camera is small', () => {
    expect(planFor(wanted({ height: 180 })).picture).toEqual({ height: 180, fps: 20, kbps: 300 });
    expect(planFor(wanted({ sharing: true })).picture).toEqual(STEPS[3]);
    expect(planFor(wanted({ picture: true, height: 0 })).picture).toBe(null);
  });
});

describe('one line', () => {
  test('goes down a step after bad seconds, to no picture at last', () => {
    expect(over(TOP, climbed, BAD, 0, 2_000).step).toBe(0);
    expect(over(TOP, climbed, BAD, 0, 4_000).step).toBe(1);
    expect(over(TOP, climbed, BAD, 0, 60_000).step).toBe(NO_PICTURE);
  });

  test('goes down when it carries less than what is sent, and when answers take long', () => {
    expect(over(TOP, climbed, { ...GOOD, outgoingKbps: 200 }, 0, 4_000).step).toBe(1);
    expect(over(TOP, climbed, { ...GOOD, rttMs: 1_200 }, 0, 4_000).step).toBe(1);
  });

  test('comes up after good seconds, and stays where it is fair', () => {
    const down: Ladder = { ...TOP, step: 2 };
    expect(over(down, climbed, FAIR, 0, 120_000).step).toBe(2);
    expect(over(down, climbed, GOOD, 0, 8_000).step).toBe(2);
    expect(over(down, climbed, GOOD, 0, 10_000).step).toBe(1);
    expect(over(down, climbed, GOOD, 0, 30_000).step).toBe(0);
  });

  test('a line that fails at the same step again and again tries it less and less often', () => {
    let ladder: Ladder = TOP;
    const waits: number[] = [];
    let at = 0;
    for (let round = 0; round < 6; round++) {
      while (ladder.step === 0) ladder = climbed(ladder, BAD, (at += 2_000));
      const since = at;
      while (ladder.step > 0) ladder = climbed(ladder, GOOD, (at += 2_000));
      waits.push(at - since);
    }
    expect(waits).toEqual([18_000, 26_000, 36_000, 54_000, 62_000, 62_000]);
    // After two good minutes it starts from the beginning.
    for (let good = 0; good < 130_000; good += 2_000) ladder = climbed(ladder, GOOD, (at += 2_000));
    expect(ladder.upAfter).toBe(TOP.upAfter);
  });

  test('one bad look is none', () => {
    let ladder = TOP;
    for (let at = 0; at < 60_000; at += 2_000) ladder = climbed(ladder, at % 4_000 ? BAD : GOOD, at);
    expect(ladder.step).toBe(0);
  });
});

describe('sound only', () => {
  const low = (change: Partial<Lowness> = {}): Lowness => ({ ...NOT_LOW, low: true, byItself: true, ...change });

  test('by itself on lasting loss, on answers that take long, on a line that carries nothing; not before', () => {
    for (const line of [BAD, { ...GOOD, rttMs: 2_000 }, { ...GOOD, outgoingKbps: 60 }]) {
      expect(over(NOT_LOW, lowAfter, line, 0, LOW_AFTER - 2_000).low).toBe(false);
      expect(over(NOT_LOW, lowAfter, line, 0, LOW_AFTER)).toMatchObject({ low: true, byItself: true });
    }
    expect(over(NOT_LOW, lowAfter, FAIR, 0, 120_000).low).toBe(false);
  });

  test('a cut is no bad line: what was before and after it does not add up', () => {
    const before = lowAfter(NOT_LOW, BAD, 0);
    expect(lowAfter(before, BAD, 22_000).low).toBe(false);
    expect(climbed(climbed(TOP, BAD, 0), BAD, 22_000).step).toBe(0);
    expect(climbed(climbed({ ...TOP, step: 2 }, GOOD, 0), GOOD, 22_000).step).toBe(2);
  });

  test('back by itself after good seconds, and each time it takes longer', () => {
    const once = over(low(), lowAfter, GOOD, 0, BACK_AFTER);
    expect(once).toMatchObject({ low: false, byItself: false });
    const again = over(once, lowAfter, BAD, 100_000, LOW_AFTER);
    expect(again.low).toBe(true);
    expect(over(again, lowAfter, GOOD, 200_000, BACK_AFTER).low).toBe(true);
    expect(over(again, lowAfter, GOOD, 200_000, 2 * BACK_AFTER).low).toBe(false);
  });

  test('while nothing but sound is sent, what the line could carry is not known and does not count', () => {
    expect(over(low(), lowAfter, { ...GOOD, outgoingKbps: 60 }, 0, BACK_AFTER).low).toBe(false);
  });

  test('by hand it stays, however good the line is', () => {
    const pressed = lowPressed(NOT_LOW, true, 0);
    expect(over(pressed, lowAfter, GOOD, 0, 600_000)).toMatchObject({ low: true, byItself: false });
  });

  test('whoever wants pictures back is let be for a while', () => {
    const pressed = lowPressed(low(), false, 0);
    expect(over(pressed, lowAfter, BAD, 0, LET_BE - 2_000).low).toBe(false);
    expect(over(pressed, lowAfter, BAD, 0, LET_BE + 2_000)).toMatchObject({ low: true, byItself: true });
  });

  test('one other one with a bad line does not count for all', () => {
    expect(overall([GOOD, BAD, GOOD])).toEqual(GOOD);
    expect(overall([BAD, BAD, GOOD])!.loss).toBe(BAD.loss);
    expect(overall([{ ...GOOD, outgoingKbps: null }])).toEqual({ ...GOOD, outgoingKbps: null });
    expect(overall([])).toBe(null);
  });
});
