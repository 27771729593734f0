import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { itemId } from './fixtures.testing';
import { newId } from './ids';
import { ANSWER_WITHIN, MOST_TRIES, Outbox, PATIENCE, readable, type Outcome } from './outbox';

let outbox: Outbox;
let written: { id: string; do: string }[];
const socket = () => ({ send: (text: string) => written.push(JSON.parse(text)) });
const settled = (answer: Promise<Outcome>) => Promise.race([answer, Promise.resolve('waits')]);

beforeEach(() => {
  vi.useFakeTimers();
  outbox = new Outbox();
  written = [];
});

afterEach(() => vi.useRealTimers());

const save = (text: string) => outbox.put('draft.save', { item: itemId(1), version: 1, intent: null, steps: [], protocol_deviation: text, agreed: null }, { keep: true });

describe('a command', () => {
  test('is written once to each socket until it is answered', async () => {
    const [first, second] = [socket(), socket()];
    const answer = outbox.put('meeting.start', {});
    outbox.flush(first);
    outbox.flush(first);
    outbox.flush(second);
    expect(written.map(({ id }) => id)).toEqual([written[0]!.id, written[0]!.id]);
    expect(outbox.answer(written[0]!.id, { ok: true, seq: 7 })).toBe(true);
    outbox.flush(second);
    expect([await answer, written.length, outbox.size]).toEqual([{ ok: true, seq: 7 }, 2, 0]);
    expect(outbox.answer(written[0]!.id, { ok: true, seq: 7 })).toBe(false);
  });

  test('goes out in the order in which it was given', () => {
    void outbox.put('meeting.start', {});
    void outbox.put('agenda.next', { from_item: null });
    outbox.flush(socket());
    expect(written.map((command) => command.do)).toEqual(['meeting.start', 'agenda.next']);
  });

  test('is written again where no answer comes, and given up in the end', async () => {
    const line = socket();
    const answer = outbox.put('meeting.start', {});
    for (let i = 0; i <= MOST_TRIES; i++) {
      outbox.flush(line);
      vi.advanceTimersByTime(ANSWER_WITHIN);
    }
    expect(written.length).toBe(MOST_TRIES);
    expect(await answer).toEqual({ ok: false, code: 'unavailable', message: 'No answer came. Look whether it was done, and try again.', field: null, current: null });
  });

  test('that never left is dropped when the room may look different, but text is not', async () => {
    const key = outbox.put('agenda.next', { from_item: null });
    const text = save('x');
    vi.advanceTimersByTime(PATIENCE + 1);
    outbox.flush(socket());
    expect([(await key).ok, await settled(text), written.map((command) => command.do)]).toEqual([false, 'waits', ['draft.save']]);
  });

  test('that may have arrived is never dropped', async () => {
    const answer = outbox.put('agenda.next', { from_item: null });
    outbox.flush(socket());
    vi.advanceTimersByTime(PATIENCE * 3);
    outbox.dropOverdue();
    expect(await settled(answer)).toBe('waits');
  });

  test('longer than the server reads is refused here, instead of costing the line', async () => {
    expect(await save('é'.repeat(33_000))).toEqual({ ok: false, code: 'invalid', message: 'This is too long to be saved. Shorten it.', field: null, current: null });
    outbox.flush(socket());
    expect(written).toEqual([]);
  });
});

test('what no server can read is mended on the way out', () => {
  expect(readable({ a: 'x\0y', b: ['\uD83D', '\uDE00z', '😀'] })).toBe('{"a":"xy","b":["\uFFFD","\uFFFDz","😀"]}');
});

test('ids sort by their time and are version 7', () => {
  const ids = [1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000].map((at) => newId(at));
  expect([...ids].sort()).toEqual(ids);
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  expect(parseInt(ids[0]!.replace('-', '').slice(0, 12), 16)).toBe(1_700_000_000_000);
});
