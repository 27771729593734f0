import { describe, expect, test, vi } from 'vitest';
import type { RoomStore } from '../room.svelte';
import { enter, other, room, together, until, useHall, wait } from './hall.testing';
import { words } from '../words';

useHall();

describe('coming back', () => {
  test('a cut of everything: back under the same name, within 8 s, with what was on', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    const [me, them] = [a.call.me, b.call.me];
    a.call.toggleHand();
    await until(() => other(b).hand);
    room.network.pull();
    room.cut();
    await wait(20_000);
    expect([a.call.phase, other(a).link]).toEqual(['back', 'lost']);
    await a.call.toggleMic();
    room.network.plug();
    room.mend();
    const both = () => [a, b].every(({ call }) => call.phase === 'in' && call.peers.length === 2 && call.peers.every(({ link }) => link === 'connected'));
    expect(await until(both)).toBeLessThanOrEqual(8_000);
    expect([a.call.me, b.call.me]).toEqual([me, them]);
    expect([other(b).mic, other(b).hand]).toEqual([false, true]);
  });

  test('a cut of the socket alone: the others stay, and sound flows', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    const made = room.network.made;
    room.cut();
    await wait(4_000);
    expect([a.call.phase, a.call.peers.length, other(a).link]).toEqual(['in', 2, 'connected']);
    room.mend();
    await until(() => room.said('call.join').length === 4);
    await wait(2_000);
    expect([room.network.made, a.call.peers.length, b.call.peers.length]).toEqual([made, 2, 2]);
  });

  test('sound and picture are gone: the line itself is doubted', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    const pings = room.said('ping', 'a').length;
    room.network.pull();
    await until(() => other(a).link === 'lost');
    await wait(6_000);
    expect(room.said('ping', 'a').length).toBeGreaterThan(pings + 1);
  });

  test('a machine that slept looks for its way again', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    const said = room.said('call.signal', 'a').length;
    vi.setSystemTime(Date.now() + 60_000);
    await wait(2_500);
    expect(room.said('call.signal', 'a').length).toBeGreaterThan(said);
    await until(() => other(a).link === 'connected');
  });

  test('another network: its way is looked for at once', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    const said = room.said('call.signal', 'a').length;
    window.dispatchEvent(new Event('online'));
    await wait(100);
    expect(room.said('call.signal', 'a').length).toBeGreaterThan(said);
    await until(() => other(a).link === 'connected');
  });

  test('a network that lets nothing through: said, and unsaid when it does', async () => {
    room.network.up = false;
    const [a, b] = [await enter('a'), await enter('b')];
    for (const { call } of [a, b]) await call.join();
    await until(() => a.call.problem?.kind === 'no_way', 40_000);
    expect([a.call.phase, a.call.problem?.words]).toEqual(['back', words.callNoWay()]);
    room.network.plug();
    await until(() => a.call.phase === 'in' && a.call.problem === null, 20_000);
  });

  test('a ticket is renewed before it ends, and asked for again when nobody answers', async () => {
    room.lasts = 120_000;
    await together('a', 'b');
    await wait(31_000);
    expect(room.said('call.ticket', 'a')).toHaveLength(1);
    room.silent = true;
    await wait(45_000);
    expect(room.said('call.join', 'a').length).toBeGreaterThan(1);
  });

  test('the call moves: another ticket, once', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    room.move({ epoch: 'e2' });
    await until(() => room.said('call.ticket', 'a').length === 1);
    room.happen({});
    await wait(1_000);
    expect(room.said('call.ticket', 'a')).toHaveLength(1);
    room.tell('a', { t: 'call.ended', reason: 'moved' });
    await until(() => room.said('call.join', 'a').length === 2);
    expect(a.call.phase).toBe('in');
  });

  test.each([
    ['access', words.callEndedAccess()],
    ['slot', words.callEndedSlot()],
  ])('the right ends (%s): out at once, and said why', async (reason, text) => {
    if (reason === 'slot') Object.assign(room.people['b']!, { guest: true });
    room.ice = [{ urls: 'turn:relay.example.org' }];
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    room.tell('b', { t: 'call.ended', reason });
    expect([b.call.phase, b.call.problem]).toEqual(['out', { kind: 'ended', device: null, words: text }]);
    expect(document.querySelectorAll(`audio[data-call-voice="${a.call.me}"]`)).toHaveLength(0);
    await until(() => document.querySelectorAll('audio[data-call-voice]').length === 0);
  });

  test('somebody who is shown out is neither seen nor heard from that moment on', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    room.tell('a', { t: 'call.gone', peers: [b.call.me] });
    expect(a.call.peers.map(({ self }) => self)).toEqual([true]);
    expect([a.call.streams.size, document.querySelectorAll(`audio[data-call-voice="${b.call.me}"]`).length]).toEqual([0, 0]);
  });

  test('the meeting goes another way: out, in words', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    room.move({ way: 'none' });
    await until(() => a.call.phase === 'out');
    expect(a.call.problem?.words).toBe(words.callWayGone());
  });

  test('leaving the page says goodbye', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    window.dispatchEvent(new Event('pagehide'));
    expect([a.call.phase, b.call.phase]).toEqual(['out', 'out']);
    expect(room.said('call.leave')).toHaveLength(2);
  });
});
