/** The line to the server, over real sockets to a real (small) server that cuts, swallows and repeats. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ANSWER_TO_PROBE, Connection, SILENCE, SLEPT, TICK, type Link, type Listener } from './connection';
import { anItem, aRoom, itemId } from './fixtures.testing';
import type { Outcome } from './outbox';
import type { Frame, OtherFrame } from './protocol';
import { fromSnapshot, type RoomState } from './state';
import { openSocket, Table } from './table.testing';

let table: Table;
let connection: Connection;
let links: Link[];
let frames: Frame[];
let refusals: string[];
let others: OtherFrame[];
let lines: number;

const until = (condition: () => unknown) => vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 8_000, interval: 10 });
const connected = () => until(() => connection.link.state === 'connected');

beforeEach(async () => {
  table = new Table(aRoom({ meeting: { ...aRoom().meeting, state: 'running' }, items: [1, 2, 3, 4, 5].map((n) => anItem(n, { kind: 'topic' })) }));
  const port = await table.listen();
  links = [];
  frames = [];
  refusals = [];
  others = [];
  lines = 0;
  const listener: Listener = {
    onLink: (link) => links.push(link),
    onState: (_state: RoomState, frame) => frames.push(frame),
    onRefused: (message) => refusals.push(message),
    onLine: () => (lines += 1),
    onOther: (frame) => others.push(frame),
  };
  connection = new Connection(`ws://127.0.0.1:${port}/ws/meetings/m/chair/`, listener, { open: openSocket, random: Math.random });
});

afterEach(async () => {
  connection.stop();
  await table.close();
});

/** What a fresh visitor would see now. */
const fresh = () => fromSnapshot({ t: 'snapshot', seq: table.seq, now: '', you: connection.state!.you, room: table.room });

const postpone = (n: number, version = 1): Promise<Outcome> =>
  connection.send('agenda.postpone', { item: itemId(n), version, reason: 'other', note: '', to_meeting: null });

async function begin(): Promise<void> {
  connection.start();
  await connected();
}

describe('what is no part of the state', () => {
  const join = { do: 'text.join', item: itemId(1), field: 'recommendation', sv: 'AA==' };

  test('is told once a line speaks, and what is heard is passed on', async () => {
    connection.start();
    expect(connection.tell(join)).toBe(false);
    await until(() => lines === 1);
    expect(connection.tell(join)).toBe(true);
    await until(() => others.length === 1);
    expect(others[0]).toMatchObject({ t: 'text.state', item: itemId(1), field: 'recommendation', n: 0 });
  });

  test('is asked for on each new line, however it came about', async () => {
    await begin();
    table.cut();
    await until(() => lines === 2);
    connection.takePartBy('room');
    expect(connection.tell(join)).toBe(false);
    await until(() => lines === 3);
    expect([links.at(-1)?.state, connection.tell(join)]).toEqual(['connected', true]);
  });
});

describe('coming in', () => {
  test('a snapshot, then events, make the room', async () => {
    await begin();
    expect(table.queries).toEqual(['']);
    table.change(table.item(itemId(2)), { minutes: 9 }, 'agenda.item_changed');
    await until(() => connection.state?.seq === 101);
    expect(connection.state).toEqual(fresh());
    expect(links).toEqual([{ state: 'connected', reason: null }]);
  });

  test('the server’s clock is learnt', async () => {
    table.now = () => Date.now() + 60_000;
    await begin();
    expect(Math.abs(connection.clock.offset - 60_000)).toBeLessThan(2_000);
  });

  test('a command is acknowledged', async () => {
    await begin();
    expect(await postpone(1)).toEqual({ ok: true, seq: 101 });
  });

  test('an answer waits for what was done to be seen, whichever comes first', async () => {
    table.ackFirst = true;
    await begin();
    const answer = await postpone(1);
    expect([answer, connection.state?.seq]).toEqual([{ ok: true, seq: 101 }, 101]);
  });

  test('but not for ever', async () => {
    await begin();
    table.mayPass = (frame) => frame.t !== 'event';
    expect(await postpone(1)).toEqual({ ok: true, seq: 101 });
  });

  test('a refusal comes in the server’s words', async () => {
    await begin();
    expect(await postpone(1, 9)).toEqual({ ok: false, code: 'stale', message: 'This changed meanwhile.', field: null, current: 1 });
  });

  test('a refusal that answers nothing of ours is heard', async () => {
    await begin();
    table.give(table.seats[0]!, { t: 'refused', id: null, code: 'invalid', message: 'That was no message.' });
    await until(() => refusals.length);
    expect(refusals).toEqual(['That was no message.']);
  });

  test('frames that are none are passed over', async () => {
    await begin();
    table.seats[0]!.socket.send('{"t":"news from a later version"}');
    table.seats[0]!.socket.send('not json');
    expect(await postpone(1)).toEqual({ ok: true, seq: 101 });
  });
});

describe('a cut line', () => {
  test('comes back with what was missed, and nothing twice', async () => {
    await begin();
    table.cut();
    await until(() => connection.link.state === 'reconnecting');
    table.change(table.item(itemId(2)), { minutes: 9 }, 'x');
    table.change(table.item(itemId(3)), { minutes: 8 }, 'x');
    await connected();
    await until(() => connection.state?.seq === 102);
    expect(connection.state).toEqual(fresh());
    expect(table.queries).toEqual(['', '?since=100']);
    expect(frames.map((frame) => frame.t)).toEqual(['snapshot', 'event', 'event']);
    expect(links.map((link) => link.state)).toEqual(['connected', 'reconnecting', 'connected']);
  });

  test('gets a whole snapshot when the journal is gone', async () => {
    await begin();
    table.cut();
    await until(() => connection.link.state === 'reconnecting');
    table.change(table.item(itemId(2)), { minutes: 9 }, 'x');
    table.journal = [];
    await connected();
    await until(() => connection.state?.seq === 101);
    expect(connection.state).toEqual(fresh());
  });

  test('a command in flight is sent again with the same id and happens once', async () => {
    await begin();
    table.mayPass = (frame) => frame.t !== 'ack';
    const answer = postpone(1);
    await until(() => table.heard.length === 1);
    table.cut();
    table.mayPass = () => true;
    expect(await answer).toEqual({ ok: true, seq: 101 });
    await until(() => connection.state?.seq === 101);
    expect(table.heard.map((command) => command.id)).toEqual([table.heard[0]!.id, table.heard[0]!.id]);
    expect(table.item(itemId(1)).version).toBe(2);
  });

  test('a command given without a line waits for it', async () => {
    await begin();
    table.cut();
    await until(() => connection.link.state === 'reconnecting');
    const answer = postpone(1);
    expect(await answer).toEqual({ ok: true, seq: 101 });
  });

  test('a goodbye of the server is answered at once', async () => {
    await begin();
    for (const { socket } of [...table.seats]) socket.close(1012);
    // It may be back before anybody could see that it was away: what counts is that it came a second time.
    await until(() => table.queries.length === 2);
    await connected();
  });

  test('the browser’s word that the network is gone counts at once, and so does its return', async () => {
    await begin();
    window.dispatchEvent(new Event('offline'));
    expect(connection.link.state).toBe('reconnecting');
    window.dispatchEvent(new Event('online'));
    await connected();
  });

  test('a crowd does not come back in step', async () => {
    const waits: number[] = [];
    const later = vi.spyOn(globalThis, 'setTimeout');
    for (const chance of [0, 0.5, 1]) {
      const lonely = new Connection('ws://127.0.0.1:1/', { onLink: () => {}, onState: () => {}, onRefused: () => {} }, { open: openSocket, random: () => chance });
      later.mockClear();
      lonely.start();
      const waited = () => later.mock.calls.filter((call) => (call[1] ?? 0) >= 100).map((call) => call[1]!);
      await until(() => waited().length >= 1);
      waits.push(waited()[0]!);
      lonely.stop();
    }
    expect(waits).toEqual([125, 187.5, 250]);
  });
});

describe('missed frames', () => {
  test('a hole is asked for', async () => {
    await begin();
    table.mayPass = (frame) => !(frame.t === 'event' && frame.seq === 101);
    table.change(table.item(itemId(1)), { minutes: 1 }, 'x');
    table.mayPass = () => true;
    table.change(table.item(itemId(2)), { minutes: 2 }, 'x');
    await until(() => connection.state?.seq === 102);
    expect(connection.state).toEqual(fresh());
    expect(table.queries.length).toBe(1);
  });

  test('a head that runs ahead is asked for when nothing follows', async () => {
    await begin();
    table.mayPass = (frame) => frame.t !== 'event';
    table.change(table.item(itemId(1)), { minutes: 1 }, 'x');
    table.mayPass = () => true;
    table.give(table.seats[0]!, { t: 'head', seq: 101, now: new Date().toISOString() });
    await until(() => connection.state?.seq === 101);
    expect(connection.state).toEqual(fresh());
    expect(table.queries.length).toBe(1);
  });

  test('a hole that cannot be filled ends in a fresh snapshot', async () => {
    await begin();
    table.mayPass = (frame) => !(frame.t === 'event' && frame.seq === 101);
    table.change(table.item(itemId(1)), { minutes: 1 }, 'x');
    table.change(table.item(itemId(2)), { minutes: 2 }, 'x');
    await until(() => connection.state?.seq === 102);
    expect(connection.state).toEqual(fresh());
    expect(table.queries).toEqual(['', '']);
  });
});

describe('the server says not to come back', () => {
  test.each([
    [4401, 'session_ended'],
    [4403, 'no_access'],
    [4409, 'replaced'],
  ])('%i', async (code, reason) => {
    await begin();
    table.refuseWith = code;
    for (const { socket } of [...table.seats]) socket.close(code);
    await until(() => connection.link.state === 'closed');
    expect(connection.link.reason).toBe(reason);
    expect(connection.state === null).toBe(code === 4403);
    expect(await postpone(1)).toEqual({ ok: false, code: 'not_sent', message: '', field: null, current: null });
    table.refuseWith = null;
    connection.reopen();
    await connected();
    expect(table.queries).toEqual(['', '']);
  });
});

describe('time passes', () => {
  beforeEach(async () => {
    await begin();
    // Sockets stay real; only the room's own clocks are turned by hand.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'], shouldAdvanceTime: true });
    connection.stop();
    table.queries = [];
    connection = new Connection(connectionUrl(), { onLink: (link) => links.push(link), onState: () => {}, onRefused: () => {} }, { open: openSocket, random: Math.random });
    connection.start();
    await connected();
  });

  const connectionUrl = () => (connection as unknown as { url: string }).url;

  afterEach(() => vi.useRealTimers());

  test('a line that says nothing is cut and made anew', async () => {
    table.silent = true;
    vi.advanceTimersByTime(SILENCE + ANSWER_TO_PROBE + 3 * TICK);
    expect(connection.link.state).toBe('reconnecting');
    table.silent = false;
    await connected();
  });

  test('a live line is left alone, however long it has nothing to say', async () => {
    for (let i = 0; i < 8; i++) {
      const pings = table.queries.length;
      vi.advanceTimersByTime(8 * TICK);
      await until(() => table.queries.length === pings);
      await until(() => Date.now() - (connection as unknown as { lastHeard: number }).lastHeard < 8 * TICK);
    }
    expect([connection.link.state, table.queries.length]).toEqual(['connected', 1]);
  });

  test('after a sleep the line is tried at once', async () => {
    table.silent = true;
    vi.setSystemTime(Date.now() + 3_600_000 + SLEPT);
    vi.advanceTimersByTime(TICK);
    vi.advanceTimersByTime(ANSWER_TO_PROBE + 2 * TICK);
    expect(connection.link.state).toBe('reconnecting');
    table.silent = false;
    await connected();
  });

  test('a chair’s key that could not leave for long is dropped, typed text is not', async () => {
    table.refuseWith = 1011;
    table.cut();
    await until(() => connection.link.state === 'reconnecting');
    const key = postpone(1);
    const text = connection.send('draft.save', { item: itemId(1), version: 0, intent: null, steps: [], protocol_deviation: '', agreed: null }, { keep: true });
    for (let i = 0; i < 20; i++) vi.advanceTimersByTime(TICK);
    expect(await key).toEqual({ ok: false, code: 'not_sent', message: '', field: null, current: null });
    table.refuseWith = null;
    for (let i = 0; i < 8; i++) vi.advanceTimersByTime(TICK);
    expect(await text).toEqual({ ok: false, code: 'rule', message: 'This item is not on the table.', field: null, current: null });
    expect(table.heard.map((command) => command.do)).toEqual(['draft.save']);
  });
});

test('taking part by other means is told on a new line, and nothing is missed', async () => {
  await begin();
  connection.takePartBy('room');
  await until(() => table.queries.length === 2);
  expect(table.queries[1]).toBe('?means=room&since=100');
  expect(await postpone(1)).toEqual({ ok: true, seq: 101 });
});
