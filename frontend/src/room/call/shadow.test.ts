import { describe, expect, it } from 'vitest';
import { release, shadowOf } from './shadow';

/** A track as browsers have it: its switch lies on the prototype, a copy has one of its own. */
class Track {
  contentHint = '';
  readyState = 'live';
  private on = true;

  get enabled(): boolean {
    return this.on;
  }

  set enabled(on: boolean) {
    this.on = on;
  }

  /** Whether sound flows, whatever is laid over the switch. */
  get flows(): boolean {
    return this.on && this.readyState === 'live';
  }

  clone(): Track {
    const copy = new Track();
    copy.on = this.on;
    return copy;
  }

  stop(): void {
    this.readyState = 'ended';
  }
}

const made = (): { original: Track; copy: Track } => {
  const original = new Track();
  return { original, copy: shadowOf(original as unknown as MediaStreamTrack) as unknown as Track };
};

describe('a track for a library', () => {
  it('is on and off with the original', () => {
    const { original, copy } = made();
    original.enabled = false;
    expect([original.enabled, original.flows, copy.enabled, copy.flows]).toEqual([false, false, false, false]);
    original.enabled = true;
    expect([original.flows, copy.flows]).toEqual([true, true]);
  });

  it('begins as the original is', () => {
    const original = new Track();
    original.enabled = false;
    const copy = shadowOf(original as unknown as MediaStreamTrack) as unknown as Track;
    expect([copy.enabled, copy.flows]).toEqual([false, false]);
  });

  it('is not switched on by whoever has it, nor is the original', () => {
    const { original, copy } = made();
    original.enabled = false;
    copy.enabled = true;
    expect([original.flows, copy.enabled, copy.flows]).toEqual([false, false, false]);
  });

  it('would be switched on without this', () => {
    const original = new Track();
    original.enabled = false;
    const plain = original.clone();
    plain.enabled = true;
    expect(plain.flows).toBe(true);
  });

  it('may be several at once, each until it is released', () => {
    const { original, copy } = made();
    const other = shadowOf(original as unknown as MediaStreamTrack) as unknown as Track;
    release(original as unknown as MediaStreamTrack, copy as unknown as MediaStreamTrack);
    original.enabled = false;
    expect([copy.readyState, other.flows, original.readyState]).toEqual(['ended', false, 'live']);
  });

  it('says what it shows as the original does', () => {
    const original = new Track();
    original.contentHint = 'text';
    expect(shadowOf(original as unknown as MediaStreamTrack).contentHint).toBe('text');
  });
});
