/** Who speaks, out of levels (0 to 1, see `levels.ts`), and who of them is shown large. Pure: time comes in. */
import type { Id } from '../protocol';

/** All in ms. A cough is not a word, and a breath between two words is not the end. */
const BEGINS_AFTER = 100;
const ENDS_AFTER = 600;

/** A voice is above this, and this much above the noise of its room. */
const LOUD = 0.3;
const ABOVE_NOISE = 0.14;
/** It goes on until it is this much quieter than what began it. */
const UNTIL = 0.08;
/** How fast the noise of a room is believed to rise, per second; it falls at once, in every pause between two words. */
const NOISE_RISES = 0.05;
const NOISE_AT_MOST = 0.5;

export class Voice {
  speaking = false;
  private noise = 0.1;
  private above: number | null = null;
  private below: number | null = null;
  private last: number | null = null;

  /** Hear the level at a moment; answers whether somebody speaks. */
  hear(level: number, at: number): boolean {
    const seconds = this.last === null ? 0 : Math.max(0, at - this.last) / 1000;
    this.last = at;
    this.noise = Math.min(level, this.noise + NOISE_RISES * seconds, NOISE_AT_MOST);
    const begins = Math.max(LOUD, this.noise + ABOVE_NOISE);
    if (this.speaking) {
      if (level >= begins - UNTIL) this.below = null;
      else this.below ??= at;
      if (this.below !== null && at - this.below >= ENDS_AFTER) {
        this.speaking = false;
        this.above = this.below = null;
      }
    } else {
      if (level < begins) this.above = null;
      else this.above ??= at;
      if (this.above !== null && at - this.above >= BEGINS_AFTER) {
        this.speaking = true;
        this.below = null;
      }
    }
    return this.speaking;
  }
}

/** All in ms. */
const SPEAKS_FOR = 700;
const SILENT_FOR = 900;
const SHOWN_FOR = 2_000;

export interface Floor {
  active: Id | null;
  /** When the one shown large came there, and when they were last heard. */
  since: number;
  heard: number;
  /** Since when each one speaks. */
  speakers: ReadonlyMap<Id, number>;
}

export const EMPTY_FLOOR: Floor = { active: null, since: 0, heard: 0, speakers: new Map() };

/**
 * Who is shown large. Whoever is there stays as long as they speak, and after it until another one has spoken for a while;
 * somebody who left goes at once.
 */
export function floorAfter(floor: Floor, speaking: ReadonlySet<Id>, here: ReadonlySet<Id>, at: number): Floor {
  const speakers = new Map<Id, number>();
  for (const id of speaking) if (here.has(id)) speakers.set(id, floor.speakers.get(id) ?? at);
  const active = floor.active !== null && here.has(floor.active) ? floor.active : null;
  const heard = active !== null && speakers.has(active) ? at : floor.heard;
  const rested = active === null || (at - heard >= SILENT_FOR && at - floor.since >= SHOWN_FOR);
  if (rested) {
    const wait = active === null ? 0 : SPEAKS_FOR;
    const longest = [...speakers].filter(([, since]) => at - since >= wait).sort(([, a], [, b]) => a - b)[0];
    if (longest) return { active: longest[0], since: at, heard: at, speakers };
  }
  return { active, since: active === null ? at : floor.since, heard, speakers };
}
