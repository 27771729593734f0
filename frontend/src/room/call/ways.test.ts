import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { RoomStore } from '../room.svelte';
import { enter, other, room, together, until, useHall } from './hall.testing';
import type { Ticket } from '../protocol';
import type { RemotePeer, WayEvents } from './way';

/** Stands in for the way through a media server: it does as it is told, and writes down what it hears. */
const server = vi.hoisted(() => ({ log: [] as string[], fails: 0, ways: [] as { events: WayEvents }[] }));

vi.mock('./livekit', () => ({
  LiveKitWay: class {
    constructor(readonly events: WayEvents) {
      server.ways.push(this);
    }
    async join(ticket: Ticket): Promise<void> {
      server.log.push(`join ${ticket.epoch}`);
      if (server.fails-- > 0) throw new Error('nobody there');
    }
    async renew(ticket: Ticket): Promise<void> {
      server.log.push(`renew ${ticket.epoch}`);
    }
    meet(peers: RemotePeer[]): void {
      server.log.push(`meet ${peers.length}`);
      for (const { peer } of peers) this.events.onLink(peer, 'connected');
    }
    async give(): Promise<void> {}
    use(): void {}
    heard(): void {}
    restart(): void {}
    async leave(): Promise<void> {
      server.log.push('leave');
    }
  },
}));

useHall();

beforeEach(async () => {
  await import('./livekit');
  Object.assign(server, { log: [], fails: 0, ways: [] });
});

describe('from one way to another', () => {
  test('to a media server: it is there before the mesh is left', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    const lines = room.network.connections.length;
    const left: number[] = [];
    const join = vi.spyOn((await import('./livekit')).LiveKitWay.prototype, 'join').mockImplementation(async () => {
      left.push(room.network.connections.length);
    });
    room.move({ way: 'livekit', epoch: 'e2' });
    await until(() => server.log.includes('meet 1'));
    await until(() => room.network.connections.length === 0);
    expect([lines, left[0]]).toEqual([2, 2]);
    expect([a.call.phase, a.call.peers.length]).toEqual(['in', 2]);
    join.mockRestore();
  });

  test('another epoch of a media server, in one go', async () => {
    room.move({ way: 'livekit' });
    const a = await enter('a');
    await a.call.join();
    await until(() => a.call.phase === 'in');
    room.move({ epoch: 'e2' });
    await until(() => server.log.includes('renew e2'));
    expect(server.log.filter((line) => line === 'leave')).toEqual([]);
  });

  test('a server that cannot be reached is tried again, and said in words', async () => {
    room.move({ way: 'livekit' });
    server.fails = 3;
    const a = await enter('a');
    await a.call.join();
    await until(() => a.call.problem?.kind === 'server_gone');
    expect(a.call.phase).toBe('joining');
    await until(() => a.call.phase === 'in');
    expect([a.call.problem, server.log.filter((line) => line.startsWith('join'))]).toEqual([null, Array(4).fill('join e1')]);
  });

  test('a server that is gone: what the room offers instead is taken, and the old one says nothing any more', async () => {
    room.move({ way: 'livekit' });
    const [a, b] = [await enter('a'), await enter('b')];
    for (const { call } of [a, b]) await call.join();
    await until(() => a.call.phase === 'in' && b.call.phase === 'in');
    const old = server.ways[0]!;
    room.move({ way: 'mesh', epoch: 'e2' });
    for (const { events } of [...server.ways]) events.onDown('server');
    await until(() => room.network.connections.length === 2 && a.call.phase === 'in' && other(a).link === 'connected');
    expect([a.call.problem, server.log.filter((line) => line === 'leave')]).toEqual([null, ['leave', 'leave']]);
    old.events.onLink(b.call.me!, 'lost');
    expect(other(a).link).toBe('connected');
  });
});
