/** A room with people at browsers that are made up, for the tests of the call. */
import { afterEach, beforeEach, vi } from 'vitest';
import type { RoomStore } from '../room.svelte';
import { CallRoom, Plugs, stubBrowser } from './callroom.testing';

export let room: CallRoom;
export let plugs: Plugs;
let stores: RoomStore[];
export let played: HTMLAudioElement[];
let blocked: boolean;

export const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Let time pass until this holds. */
export async function until(holds: () => unknown, atMost = 12_000): Promise<number> {
  for (let waited = 0; waited <= atMost; waited += 50) {
    if (holds()) return waited;
    await wait(50);
  }
  throw new Error(`not within ${atMost} ms: ${holds}`);
}

export async function enter(who: string): Promise<RoomStore> {
  const store = room.enter(who);
  stores.push(store);
  await until(() => store.link.state === 'connected');
  return store;
}

/** These are in the call together, and connected. */
export async function together(...names: string[]): Promise<RoomStore[]> {
  const entered: RoomStore[] = [];
  for (const name of names) {
    const store = await enter(name);
    entered.push(store);
    await store.call.join();
  }
  await until(() => entered.every(({ call }) => call.phase === 'in' && call.peers.length === names.length && call.peers.every((peer) => peer.link === 'connected')));
  return entered;
}

export const other = ({ call }: RoomStore) => call.peers.find((peer) => !peer.self)!;

/** The browser plays no sound until something is pressed; or does again. */
export function block(sound: boolean): void {
  blocked = sound;
}

/** Each test of the file in a room of its own, at a clock that stands still. */
export function useHall(): void {
  beforeEach(async () => {
    // Loaded once, in real time: what is imported lazily does not wait for a clock that stands still.
    await import('./session');
    vi.useFakeTimers({ now: new Date('2026-11-25T13:00:00Z') });
    stores = [];
    played = [];
    blocked = false;
    room = new CallRoom();
    plugs = new Plugs();
    stubBrowser((name, value) => vi.stubGlobal(name, value), room.network, plugs);
    localStorage.clear();
    vi.spyOn(HTMLMediaElement.prototype, 'play').mockImplementation(async function (this: HTMLMediaElement) {
      if (blocked) throw new DOMException('', 'NotAllowedError');
      played.push(this as HTMLAudioElement);
    });
    vi.spyOn(HTMLMediaElement.prototype, 'pause').mockImplementation(() => undefined);
    HTMLMediaElement.prototype.setSinkId = async () => undefined;
  });

  afterEach(() => {
    for (const store of stores) store.stop();
    Reflect.deleteProperty(HTMLMediaElement.prototype, 'setSinkId');
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
}
