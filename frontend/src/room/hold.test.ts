import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HELD, HoldToTalk } from './hold';

let said: string[];
let off: boolean;
let hold: HoldToTalk;

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  off = true;
  hold = new HoldToTalk({ off: () => off, talk: (down) => said.push(down ? 'talk' : 'silent'), toggle: () => said.push('switch') });
});

afterEach(() => vi.useRealTimers());

test('pressed and let go, it switches', () => {
  hold.down();
  vi.advanceTimersByTime(HELD - 1);
  hold.up();
  hold.click();
  vi.advanceTimersByTime(HELD);
  expect(said).toEqual(['switch']);
});

test('held, it talks for so long, and the click that follows is no press', () => {
  hold.down();
  vi.advanceTimersByTime(HELD);
  hold.up();
  hold.click();
  expect(said).toEqual(['talk', 'silent']);
  hold.click();
  expect(said).toEqual(['talk', 'silent', 'switch']);
});

test('with the microphone on there is nothing to hold', () => {
  off = false;
  hold.down();
  vi.advanceTimersByTime(HELD * 3);
  hold.up();
  hold.click();
  expect(said).toEqual(['switch']);
});

test('let go without a click, the next click counts', () => {
  hold.down();
  vi.advanceTimersByTime(HELD);
  hold.cancel();
  hold.click();
  expect(said).toEqual(['talk', 'silent', 'switch']);
});
