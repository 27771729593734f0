/** What goes over the line to the site, against real (small) servers: echoes, refusals, silence, a line that is cut. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { WebSocket as Line } from 'ws';
import * as echo from './echo';
import { fetchTicket, tryServers } from './site';
import { Stopped } from './waiting';

// Asked for by require: the tests resolve packages as a browser does, and there `ws` is only an error message.
const { WebSocket: ClientSocket, WebSocketServer } = createRequire(import.meta.url)('ws') as typeof import('ws');

function dial(url: string): WebSocket {
  const socket = new ClientSocket(url);
  socket.on('error', () => {});
  return socket as unknown as WebSocket;
}
const trySocket = (url: string, signal: AbortSignal) => echo.trySocket(url, signal, dial);
const socketRates = (url: string, signal: AbortSignal) => echo.socketRates(url, signal, dial);

const open: (() => void)[] = [];
const run = new AbortController();

afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function echoes(begin: (line: Line) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  open.push(() => {
    for (const line of server.clients) line.terminate();
    server.close();
  });
  server.on('connection', begin);
  await new Promise((resolve) => server.once('listening', resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws/call-test/`;
}

async function pages(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  open.push(() => server.closeAllConnections(), () => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Asked {
  do: string;
  n: number;
  data: string;
  back: number;
}

/** As the server does it; `until`: it falls silent or cuts after so many. */
const speak = (line: Line, after: (asked: Asked, count: number) => boolean = () => true): void => {
  let count = 0;
  line.send(JSON.stringify({ t: 'ready', lasts_s: 60, echoes: 400 }));
  line.on('message', (raw) => {
    const asked = JSON.parse(String(raw)) as Asked;
    count += 1;
    if (after(asked, count)) line.send(JSON.stringify({ t: 'echo', n: asked.n, data: 'x'.repeat(asked.back) }));
  });
};

test('twenty round trips', async () => {
  const asked: Asked[] = [];
  const url = await echoes((line) => speak(line, (each) => asked.push(each) > 0));
  const found = await trySocket(url, run.signal);
  expect(found).toMatchObject({ grade: 'good', why: 'ok', close: null });
  expect(found.median).toBeGreaterThan(0);
  expect(found.p95).toBeGreaterThanOrEqual(found.median!);
  expect(asked.map((each) => each.n)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
});

test.each([
  [4401, 'session'],
  [1013, 'busy'],
  [1012, 'restart'],
  [1008, 'blocked'],
])('a line that is closed at once with %i', async (code, why) => {
  const url = await echoes((line) => line.close(code));
  expect(await trySocket(url, run.signal)).toEqual({ grade: 'failed', why, median: null, p95: null, close: code });
});

test('a line that is cut on the way', async () => {
  const url = await echoes((line) => speak(line, (_asked, count) => count <= 3 || (line.terminate(), false)));
  const found = await trySocket(url, run.signal);
  expect(found).toMatchObject({ grade: 'failed', why: 'cut', close: 1006 });
  expect(found.median).not.toBeNull();
});

test('something on the way that answers with a page', async () => {
  const url = await pages((_request, response) => response.writeHead(403).end('blocked'));
  expect(await trySocket(url.replace('http', 'ws'), run.signal)).toMatchObject({ grade: 'failed', why: 'blocked', close: 1006 });
});

test('both directions are measured, within what the server allows', async () => {
  const asked: { at: number; data: number; back: number }[] = [];
  const url = await echoes((line) => speak(line, (each) => asked.push({ at: performance.now(), data: each.data.length, back: each.back }) > 0));
  const { up, down } = await socketRates(url, run.signal);
  expect(up).toBeGreaterThan(100);
  expect(down).toBeGreaterThan(100);
  expect(new Set(asked.map((each) => `${each.data} ${each.back}`))).toEqual(new Set(['16384 0', '0 16384']));
  expect(asked.length).toBeLessThanOrEqual(400);
  // The server's bound: a burst of 64, and 64 a second.
  const [first] = asked;
  asked.forEach((each, n) => expect(n + 1).toBeLessThanOrEqual(64 + ((each.at - first!.at) / 1000) * 64));
});

test('no line, no rates', async () => {
  const url = await echoes((line) => line.close(1013));
  expect(await socketRates(url, run.signal)).toEqual({ up: null, down: null });
});

test('who stops the test waits for nothing', async () => {
  const stop = new AbortController();
  const url = await echoes((line) => speak(line, () => (stop.abort(), false)));
  await expect(trySocket(url, stop.signal)).rejects.toBeInstanceOf(Stopped);
  await expect(socketRates(url, stop.signal)).rejects.toBeInstanceOf(Stopped);
});

test('the ticket, or why there is none', async () => {
  const given = { ice: [{ urls: ['turn:a'] }], servers: [], expires_at: '2026-11-25T14:03:00Z' };
  let status = 200;
  const seen: [string | undefined, string | string[] | undefined][] = [];
  const url = await pages((request, response) => {
    seen.push([request.method, request.headers['x-csrftoken']]);
    response.writeHead(status, { 'content-type': 'application/json', 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' });
    response.end(JSON.stringify(given));
  });
  const ask = () => fetchTicket(`${url}/call-test/relay/`, 'a token', run.signal);
  expect(await ask()).toEqual({ ice: given.ice, servers: [], endsAt: Date.parse(given.expires_at) });
  expect(seen.at(-1)).toEqual(['POST', 'a token']);
  for (const [code, why] of [[429, 'too_often'], [403, 'no_ticket'], [500, 'no_ticket']] as const) {
    status = code;
    expect(await ask()).toBe(why);
  }
  expect(await fetchTicket('http://127.0.0.1:1/', 'a token', run.signal)).toBe('no_ticket');
});

test('media servers that answer, whatever they say, and those that do not', async () => {
  const url = await pages((_request, response) => response.writeHead(404).end());
  const { port } = new URL(url);
  const there = { host: '127.0.0.1', port: Number(port), ms: expect.any(Number) as number };
  const gone = { host: '127.0.0.1', port: 1, ms: null };
  expect(await tryServers([], run.signal)).toEqual({ grade: 'left_out', why: 'left_out', hosts: [] });
  expect(await tryServers([`ws://127.0.0.1:${port}`, 'ws://127.0.0.1:1'], run.signal)).toEqual({ grade: 'good', why: 'ok', hosts: [there, gone] });
  expect(await tryServers(['ws://127.0.0.1:1'], run.signal)).toEqual({ grade: 'failed', why: 'unreachable', hosts: [gone] });
});
