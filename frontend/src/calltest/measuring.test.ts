/** The pure parts of what measures: addresses of relays, error codes, loudness, percentiles, and waiting that ends. */
import { expect, test } from 'vitest';
import { loudness, whyNot as whyNoDevice } from './devices';
import { kbps, median, p95, percentile } from './figures';
import { addresses, parse, whyNot } from './relay';
import { Stopped, limited, pause, unlessStopped, within } from './waiting';

test.each([
  ['turn:turn.example.org', 'udp', 'turn.example.org', 3478],
  ['turn:turn.example.org:3478?transport=udp', 'udp', 'turn.example.org', 3478],
  ['turn:turn.example.org:443?transport=tcp', 'tcp', 'turn.example.org', 443],
  ['turns:turn.example.org:443?transport=tcp', 'tls', 'turn.example.org', 443],
  ['turns:turn.example.org', 'tls', 'turn.example.org', 5349],
  ['turn:[2001:db8::5]:3478', 'udp', '2001:db8::5', 3478],
  ['TURN:192.0.2.1?transport=TCP', 'tcp', '192.0.2.1', 3478],
])('the address %s', (url, transport, host, port) => {
  expect(parse(url)).toEqual({ url, transport, host, port });
});

test.each(['stun:stun.example.org', 'https://example.org', 'turn:', 'turn:a:b', 'turn:a?transport=sctp', 'turn:user@host:1', ''])('no address of a relay: %s', (url) => {
  expect(parse(url)).toBeNull();
});

test('every address is tried by itself, with its own credentials', () => {
  const given = [
    { urls: ['turn:a.example.org', 'stun:a.example.org', 'turns:a.example.org:443?transport=tcp'], username: 'u', credential: 'c' },
    { urls: 'turn:b.example.org', username: 'v', credential: 'd' },
  ];
  expect(addresses(given).map(({ server }) => server)).toEqual([
    { urls: 'turn:a.example.org', username: 'u', credential: 'c' },
    { urls: 'turns:a.example.org:443?transport=tcp', username: 'u', credential: 'c' },
    { urls: 'turn:b.example.org', username: 'v', credential: 'd' },
  ]);
});

test.each([
  [[], false, 'unreachable'],
  [[701], false, 'unreachable'],
  [[701, 401], false, 'refused'],
  [[486], false, 'full'],
  [[508, 401], false, 'full'],
  [[], true, 'no_passage'],
] as const)('errors %j of a relay (relayed: %s)', (errors, relayed, why) => {
  expect(whyNot([...errors], relayed)).toBe(why);
});

test.each([
  ['NotAllowedError', 'refused'],
  ['NotFoundError', 'none'],
  ['OverconstrainedError', 'none'],
  ['NotReadableError', 'taken'],
  ['InvalidStateError', 'broken'],
])('a device that does not begin with %s', (name, why) => {
  expect(whyNoDevice(new DOMException('', name))).toBe(why);
  expect(whyNoDevice(new TypeError(name))).toBe('broken');
});

test('loudness goes from silence to full scale, as ears hear it', () => {
  const sine = (height: number) => Float32Array.from({ length: 480 }, (_, n) => height * Math.SQRT2 * Math.sin((2 * Math.PI * n) / 48));
  expect(loudness(new Float32Array(480))).toBe(0);
  expect(loudness(new Float32Array(0))).toBe(0);
  expect(loudness(sine(0.001))).toBeCloseTo(0, 5);
  expect(loudness(sine(0.1))).toBeCloseTo(2 / 3, 5);
  expect(loudness(sine(1))).toBeCloseTo(1, 5);
});

test('percentiles are values that were measured', () => {
  const values = Array.from({ length: 20 }, (_, n) => 20 - n);
  expect([median(values), p95(values), percentile(values, 1), percentile(values, 0)]).toEqual([10, 19, 20, 1]);
  expect([median([]), p95([7])]).toEqual([null, 7]);
  expect([kbps(125_000, 1000), kbps(0, 1000), kbps(1, 0)]).toEqual([1000, null, null]);
});

test('waiting ends by what is waited for, by the clock, or when the test is stopped', async () => {
  const run = new AbortController();
  expect(await within(Promise.resolve('here'), 10_000, 'late', run.signal)).toBe('here');
  expect(await within(new Promise(() => undefined), 1, 'late', run.signal)).toBe('late');
  await expect(within(Promise.reject(new Error('gone')), 10_000, 'late', run.signal)).rejects.toThrow('gone');
  await pause(1, run.signal);
  const limit = limited(10_000, run.signal);
  expect(await unlessStopped(Promise.resolve('here'), run.signal)).toBe('here');
  const stopped = [pause(10_000, run.signal), unlessStopped(new Promise(() => undefined), run.signal), within(new Promise(() => undefined), 10_000, 'late', run.signal)];
  run.abort();
  for (const each of stopped) await expect(each).rejects.toBeInstanceOf(Stopped);
  expect(limit.signal.aborted).toBe(true);
  limit.end();
  await expect(pause(1, run.signal)).rejects.toBeInstanceOf(Stopped);
  await expect(within(Promise.resolve('here'), 1, 'late', run.signal)).rejects.toBeInstanceOf(Stopped);
  await expect(unlessStopped(new Promise(() => undefined), run.signal)).rejects.toBeInstanceOf(Stopped);
});
