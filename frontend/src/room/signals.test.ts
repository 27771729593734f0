import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Newest, readSignal, SIGNAL_EVERY } from './signals';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const view = { item: 'i', tab: 'document', document: 'd', page: 2, scroll: 0.5 };
const frame = (kind: string, data: unknown) => ({ t: 'signal', kind, by: 'p', name: 'dr. P.', data });

test('a view and a point are read', () => {
  expect(readSignal(frame('view', view))).toEqual({ kind: 'view', by: 'p', name: 'dr. P.', data: view });
  expect(readSignal(frame('view', { ...view, tab: 'case', document: null }))?.data).toEqual({ ...view, tab: 'case', document: null });
  expect(readSignal(frame('point', { item: 'i', x: 0, y: 1, on: true }))?.data).toEqual({ item: 'i', document: null, page: 1, x: 0, y: 1, on: true });
});

test.each([
  ['another kind of frame', { ...frame('view', view), t: 'event' }],
  ['a kind that is not known', frame('dance', view)],
  ['nobody', { ...frame('view', view), by: '' }],
  ['no data', frame('view', null)],
  ['a place beyond the end', frame('view', { ...view, scroll: 1.01 })],
  ['no page', frame('view', { ...view, page: 0 })],
  ['half a page', frame('view', { ...view, page: 1.5 })],
  ['a document without one', frame('view', { ...view, document: null })],
  ['a point beside the page', frame('point', { item: 'i', x: -0.1, y: 0, on: true })],
  ['a point that neither is nor is not', frame('point', { item: 'i', x: 0, y: 0 })],
])('%s is no signal', (_name, bad) => {
  expect(readSignal(bad)).toBeNull();
});

test('the newest is sent, once in a while, the last one always', () => {
  const sent: number[] = [];
  const newest = new Newest<number>((value) => sent.push(value));
  for (let n = 0; n < 10; n += 1) newest.put(n);
  expect(sent).toEqual([0]);
  vi.advanceTimersByTime(SIGNAL_EVERY);
  expect(sent).toEqual([0, 9]);
  vi.advanceTimersByTime(10 * SIGNAL_EVERY);
  expect(sent).toEqual([0, 9]);
  newest.put(10);
  newest.put(11);
  newest.stop();
  vi.advanceTimersByTime(10 * SIGNAL_EVERY);
  expect(sent).toEqual([0, 9, 10]);
});
