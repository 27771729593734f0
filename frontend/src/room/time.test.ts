import { describe, expect, test } from 'vitest';
import { anItem, aRoom, itemId } from './fixtures.testing';
import { day, duration, forecastShift, hour, overrunSeconds, ServerClock, spentSeconds } from './time';

const at = (time: string) => Date.parse(`2026-11-25T${time}Z`);

describe('the server’s clock', () => {
  test('is the local one until the server spoke', () => expect(new ServerClock().now(5000)).toBe(5000));

  test('the frame that travelled least is nearest to the truth', () => {
    const clock = new ServerClock();
    clock.learn('2026-11-25T13:00:10.000Z', at('13:00:00') + 900);
    clock.learn('2026-11-25T13:00:11.000Z', at('13:00:01') + 40);
    clock.learn('2026-11-25T13:00:12.000Z', at('13:00:02') + 600);
    expect(clock.offset).toBe(9960);
    expect(clock.now(at('13:00:03'))).toBe(at('13:00:03') + 9960);
  });

  test('after a jump the samples from before say nothing', () => {
    const clock = new ServerClock();
    clock.learn('2026-11-25T13:00:10.000Z', at('13:00:00'));
    clock.learn('2026-11-25T13:00:01.000Z', at('13:00:01'));
    expect(clock.offset).toBe(0);
  });

  test('what is no time is not learnt', () => {
    const clock = new ServerClock();
    clock.learn('soon', 0);
    expect(clock.offset).toBe(0);
  });
});

describe('time on the table', () => {
  const open = anItem(1, { state: 'open', opened_at: '2026-11-25T13:10:00Z', minutes: 6 });

  test('runs from the opening, on top of earlier stretches', () => {
    expect(spentSeconds(open, at('13:13:12'))).toBe(192);
    expect(spentSeconds({ ...open, spent_s: 60 }, at('13:13:12'))).toBe(252);
  });

  test('stands still for an item that is not open', () => {
    expect(spentSeconds(anItem(1, { state: 'discussed', spent_s: 312, opened_at: '2026-11-25T13:10:00Z' }), at('15:00:00'))).toBe(312);
  });

  test('a local clock behind the server’s gives no negative time', () => expect(spentSeconds(open, at('13:09:00'))).toBe(0));

  test('overruns after its minutes', () => {
    expect(overrunSeconds(open, at('13:16:00'))).toBe(0);
    expect(overrunSeconds(open, at('13:17:34'))).toBe(94);
  });
});

describe('the forecast moves', () => {
  const running = { ...aRoom().meeting, state: 'running' as const };

  test('by the overrun of the open item', () => {
    const items = [anItem(1, { state: 'open', opened_at: '2026-11-25T13:10:00Z' }), anItem(2)];
    const room = aRoom({ items, meeting: { ...running, current: itemId(1) } });
    expect(forecastShift(room, at('13:15:00'))).toBe(0);
    expect(forecastShift(room, at('13:18:00'))).toBe(120_000);
  });

  test('not by earlier stretches, which the forecast has counted', () => {
    const items = [anItem(1, { state: 'open', opened_at: '2026-11-25T13:10:00Z', spent_s: 300 })];
    expect(forecastShift(aRoom({ items, meeting: { ...running, current: itemId(1) } }), at('13:15:00'))).toBe(0);
  });

  test('by how long the next one waits when nothing is on the table', () => {
    const room = aRoom({ meeting: running, forecast: { end: '2026-11-25T13:30:00Z', items: { [itemId(1)]: '2026-11-25T13:00:00Z' } } });
    expect(forecastShift(room, at('12:58:00'))).toBe(0);
    expect(forecastShift(room, at('13:04:00'))).toBe(240_000);
  });

  test('no more when the meeting is over', () => {
    expect(forecastShift(aRoom({ meeting: { ...running, state: 'closed' } }), at('20:00:00'))).toBe(0);
  });
});

test('words for times', () => {
  expect([duration(0), duration(192.9), duration(4500), duration(-3)]).toEqual(['00:00', '03:12', '75:00', '00:00']);
  expect(hour(at('13:31:00'))).toBe('14:31');
  expect(hour(Date.parse('2026-07-01T12:31:00Z'))).toBe('14:31');
  expect(day(at('13:31:00'))).toBe('Wed, Nov 25');
});
