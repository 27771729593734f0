/**
 * Two machines in one room: what my microphone hears comes back over the call a little later, from the other machine's
 * microphone. Found by laying the curve of my own level over that of each other one, moved by some steps: where theirs
 * follows mine closely, we hear the same room. Where mine follows theirs, my microphone merely hears my loudspeaker.
 */
import type { Id } from '../protocol';

/** Levels are taken this often, in ms. */
export const EVERY = 50;
/** Samples that are compared: four seconds. */
const WINDOW = 80;
/** How far one may lag behind the other: a second. */
const LAG = 20;
const ALIKE = 0.8;
/** Either direction has to be clearly the better one. */
const CLEARER = 0.05;
/** Where nothing moves there is nothing to compare (standard deviation of the levels). */
const LIVELY = 0.06;
/** Looked at once a second; so many looks in a row that found the same one. */
const LOOK_EVERY = 20;
const LOOKS = 3;

/** How alike two curves are: the correlation coefficient, -1 to 1; 0 where one of them is flat. */
export function likeness(a: readonly number[], b: readonly number[]): number {
  const n = Math.min(a.length, b.length);
  if (n < 2) return 0;
  const mean = (values: readonly number[]) => values.slice(0, n).reduce((sum, value) => sum + value, 0) / n;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [da, db] = [a[i]! - ma, b[i]! - mb];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  const flat = LIVELY * LIVELY * n;
  return aa < flat || bb < flat ? 0 : ab / Math.sqrt(aa * bb);
}

/** Whether the other curve follows mine as it would from the same room. Both end now, and hold a window and the lag before it. */
export function follows(mine: readonly number[], theirs: readonly number[]): boolean {
  if (mine.length < WINDOW + LAG || theirs.length < WINDOW + LAG) return false;
  const last = (curve: readonly number[], back: number) => curve.slice(curve.length - WINDOW - back, curve.length - back);
  let [after, before] = [0, 0];
  for (let lag = 1; lag <= LAG; lag++) {
    after = Math.max(after, likeness(last(mine, lag), last(theirs, 0)));
    before = Math.max(before, likeness(last(mine, 0), last(theirs, lag)));
  }
  return after >= ALIKE && after >= before + CLEARER;
}

export class SameRoom {
  private mine: number[] = [];
  private readonly theirs = new Map<Id, number[]>();
  private readonly found = new Map<Id, number>();
  private ticks = 0;

  /** Take the levels of one moment, of microphones that are on; answers who is in the same room, once that is sure. */
  hear(mine: number | null, others: ReadonlyMap<Id, number>): Id | null {
    if (mine === null) {
      this.forget();
      return null;
    }
    const keep = (curve: number[], level: number) => {
      curve.push(level);
      if (curve.length > WINDOW + LAG) curve.shift();
    };
    keep(this.mine, mine);
    for (const id of [...this.theirs.keys()]) if (!others.has(id)) this.theirs.delete(id);
    for (const [id, level] of others) {
      const curve = this.theirs.get(id) ?? [];
      keep(curve, level);
      this.theirs.set(id, curve);
    }
    if (++this.ticks % LOOK_EVERY !== 0) return null;
    return this.look();
  }

  private look(): Id | null {
    for (const [id, curve] of this.theirs) {
      // A curve that began later than mine is compared with the end of mine.
      this.found.set(id, follows(this.mine, curve) ? (this.found.get(id) ?? 0) + 1 : 0);
    }
    for (const id of [...this.found.keys()]) if (!this.theirs.has(id)) this.found.delete(id);
    return [...this.found].find(([, looks]) => looks >= LOOKS)?.[0] ?? null;
  }

  private forget(): void {
    this.mine = [];
    this.theirs.clear();
    this.found.clear();
  }
}
