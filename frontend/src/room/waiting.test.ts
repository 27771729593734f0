/** Before the first picture of the room: a network that lets no WebSocket through is said to be one. */
import { mount, tick, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import Waiting from './components/Waiting.svelte';
import { words } from './words';

let app: ReturnType<typeof mount>;

beforeEach(async () => {
  vi.useFakeTimers();
  app = mount(Waiting, { target: document.body });
  await tick();
});

afterEach(async () => {
  await unmount(app);
  vi.useRealTimers();
});

test('at first it only connects', async () => {
  await vi.advanceTimersByTimeAsync(9_900);
  expect(document.body.textContent).toContain(words.connecting());
  expect(document.querySelector('a')).toBeNull();
});

test('after ten seconds it says what may be in the way, and where that is tried', async () => {
  await vi.advanceTimersByTimeAsync(10_100);
  expect(document.body.textContent).toContain(words.unreached());
  expect(document.querySelector('a')?.getAttribute('href')).toBe('/call-test/');
});
