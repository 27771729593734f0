/**
 * How much of a picture a line carries, and when it carries sound alone. Nothing but numbers in, numbers out: sound has
 * priority, a shared screen comes next, and cameras get what is left. What goes down quickly comes up slowly, so that
 * nothing flickers.
 */
import type { Quality } from './way';

/** What is sent of a camera or a screen. */
export interface Picture {
  height: number;
  fps: number;
  kbps: number;
}

/** What is sent on one line; without a picture: null. */
export interface Plan {
  voiceKbps: number;
  picture: Picture | null;
  screen: Picture | null;
}

/** Cameras, from the best that is sent to the least. */
export const STEPS: readonly Picture[] = [
  { height: 360, fps: 20, kbps: 600 },
  { height: 360, fps: 15, kbps: 400 },
  { height: 270, fps: 15, kbps: 250 },
  { height: 180, fps: 12, kbps: 150 },
  { height: 180, fps: 8, kbps: 80 },
];
/** The step below the last one: no picture. */
export const NO_PICTURE = STEPS.length;

const VOICE_KBPS = 32;
const VOICE_LOW_KBPS = 20;
/** A camera beside a shared screen. */
const BESIDE_SCREEN = 3;

/** With more than this many from browser to browser, sound comes first and cameras stay off. */
export const PICTURES_UP_TO = 6;

/** The best step for so many, oneself among them: everybody sends to everybody. */
export function bestStep(peers: number): number {
  if (peers > PICTURES_UP_TO) return NO_PICTURE;
  return peers <= 3 ? 0 : peers === 4 ? 1 : 2;
}

function screenFor(peers: number, step: number): Picture {
  const kbps = peers <= 2 ? 2000 : peers <= 4 ? 1200 : peers <= PICTURES_UP_TO ? 800 : 500;
  // A line that carries little keeps the sharpness and gives up smoothness.
  const share = Math.max(0.2, 1 - step * 0.2);
  return { height: peers <= 3 ? 1440 : 1080, fps: step >= 3 ? 3 : 8, kbps: Math.round(kbps * share) };
}

export interface Wanted {
  /** How many are in the call, oneself among them. */
  peers: number;
  /** How far down this line went (`Ladder`). */
  step: number;
  /** Sound only: by oneself, or by the other one. */
  low: boolean;
  theyLow: boolean;
  /** Whether the other one shows the picture, and in how many lines. */
  picture: boolean;
  height: number;
  /** A screen is being shared by oneself. */
  sharing: boolean;
}

/** What to send to one peer. */
export function planFor({ peers, step, low, theyLow, picture, height, sharing }: Wanted): Plan {
  const plan: Plan = { voiceKbps: low || theyLow ? VOICE_LOW_KBPS : VOICE_KBPS, picture: null, screen: null };
  if (!theyLow) plan.screen = screenFor(peers, low ? 4 : step);
  const at = Math.max(step, bestStep(peers), sharing ? BESIDE_SCREEN : 0);
  const best = STEPS[at];
  if (best && picture && height > 0 && !low && !theyLow) {
    // What is asked for in a small size needs fewer bits, in proportion to its lines.
    const lines = Math.min(best.height, height);
    plan.picture = { height: lines, fps: best.fps, kbps: Math.max(80, Math.round((best.kbps * lines) / best.height)) };
  }
  return plan;
}

/** All in ms. */
const DOWN_AFTER = 3_500;
const UP_AFTER = 10_000;
const UP_AT_LATEST = 60_000;
const FORGOTTEN_AFTER = 120_000;
const GAP = 5_000;

/** How far down one line is: a step after bad seconds, up again after good ones, later each time it failed. */
export interface Ladder {
  step: number;
  badSince: number | null;
  goodSince: number | null;
  measuredAt: number;
  upAfter: number;
}

export const TOP: Ladder = { step: 0, badSince: null, goodSince: null, measuredAt: 0, upAfter: UP_AFTER };

/** The ladder after another measurement of its line. */
export function climbed(ladder: Ladder, line: Quality, at: number): Ladder {
  const { step } = ladder;
  const kbps = STEPS[step]?.kbps ?? 0;
  const short = line.outgoingKbps !== null && line.outgoingKbps < kbps * 0.6;
  const bad = line.loss > 0.08 || line.rttMs > 900 || short;
  const good = line.loss < 0.02 && line.rttMs < 500 && (line.outgoingKbps === null || line.outgoingKbps >= kbps * 1.2);
  const { badSince, goodSince } = lasting(ladder, bad, good, at);
  if (badSince !== null && at - badSince >= DOWN_AFTER && step < NO_PICTURE) {
    return { step: step + 1, badSince: at, goodSince: null, measuredAt: at, upAfter: Math.min(UP_AT_LATEST, ladder.upAfter * 1.5) };
  }
  if (goodSince !== null && at - goodSince >= ladder.upAfter && step > 0) {
    return { ...ladder, step: step - 1, badSince: null, goodSince: at, measuredAt: at };
  }
  // What was learned of a line is forgotten when it has been good for long.
  const upAfter = step === 0 && goodSince !== null && at - goodSince >= FORGOTTEN_AFTER ? UP_AFTER : ladder.upAfter;
  return { ...ladder, badSince, goodSince, measuredAt: at, upAfter };
}

/** Since when it is bad, or good. Over a gap without measurements nothing lasts: a cut says nothing of the line before and after it. */
function lasting(before: { badSince: number | null; goodSince: number | null; measuredAt: number }, bad: boolean, good: boolean, at: number) {
  const goesOn = at - before.measuredAt <= GAP;
  return { badSince: bad ? ((goesOn ? before.badSince : null) ?? at) : null, goodSince: good ? ((goesOn ? before.goodSince : null) ?? at) : null };
}

/** All in ms: how long it is bad before the call goes on with sound only, and how long good before pictures come back. */
export const LOW_AFTER = 8_000;
export const BACK_AFTER = 20_000;
const BACK_AT_LATEST = 160_000;
/** After somebody wanted pictures back, nothing happens by itself for so long. */
export const LET_BE = 60_000;

export interface Lowness {
  low: boolean;
  /** It went there by itself, and comes back by itself. */
  byItself: boolean;
  badSince: number | null;
  goodSince: number | null;
  measuredAt: number;
  backAfter: number;
  letBeUntil: number;
}

export const NOT_LOW: Lowness = { low: false, byItself: false, badSince: null, goodSince: null, measuredAt: 0, backAfter: BACK_AFTER, letBeUntil: 0 };

/** Sound only, or not, after another measurement. Without pictures a line says nothing of what it could carry: loss and time count. */
export function lowAfter(state: Lowness, line: Quality, at: number): Lowness {
  if (state.low && !state.byItself) return state;
  const bad = line.loss >= 0.1 || line.rttMs >= 1_500 || (!state.low && line.outgoingKbps !== null && line.outgoingKbps < 100);
  const good = line.loss < 0.03 && line.rttMs < 800;
  const { badSince, goodSince } = lasting(state, bad, good, at);
  if (!state.low && badSince !== null && at - badSince >= LOW_AFTER && at >= state.letBeUntil) {
    return { ...state, low: true, byItself: true, badSince: null, goodSince: null, measuredAt: at };
  }
  if (state.low && goodSince !== null && at - goodSince >= state.backAfter) {
    const backAfter = Math.min(BACK_AT_LATEST, state.backAfter * 2);
    return { ...state, low: false, byItself: false, badSince: null, goodSince: null, measuredAt: at, backAfter };
  }
  return { ...state, badSince, goodSince, measuredAt: at };
}

/** Somebody pressed the key. */
export function lowPressed(state: Lowness, low: boolean, at: number): Lowness {
  return { ...state, low, byItself: false, badSince: null, goodSince: null, letBeUntil: low ? 0 : at + LET_BE };
}

/** The measurement that stands for all lines: one bad one is not mine, most of them are. */
export function overall(lines: Quality[]): Quality | null {
  const middle = (numbers: number[]): number => {
    const sorted = [...numbers].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)]!;
  };
  if (!lines.length) return null;
  const outgoing = lines.flatMap((line) => (line.outgoingKbps === null ? [] : [line.outgoingKbps]));
  return {
    loss: middle(lines.map((line) => line.loss)),
    rttMs: middle(lines.map((line) => line.rttMs)),
    outgoingKbps: outgoing.length ? middle(outgoing) : null,
  };
}
