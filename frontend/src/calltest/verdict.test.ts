import { expect, test } from 'vitest';
import { allGood, path } from './found.testing';
import { STEPS, judgeBandwidth, judgeRelay, type PathFound, type Results } from './steps';
import { verdict } from './verdict';
import { found, verdictSentence } from './words';

const leftOut = { grade: 'left_out', why: 'left_out' } as const;
const noRelay = { ...leftOut, types: ['host'], paths: [] };

const cases: [string, Partial<Results>, string, string][] = [
  ['everything works', {}, 'good', 'good'],
  ['no relay and no server', { relay: noRelay }, 'good', 'direct'],
  ['no relay, but a server', { relay: noRelay, server: { grade: 'good', why: 'ok', hosts: [] } }, 'good', 'server_only'],
  ['UDP is shut', { relay: { ...allGood().relay, grade: 'weak', why: 'no_udp' } }, 'good', 'no_udp'],
  ['TLS alone', { relay: { ...allGood().relay, grade: 'weak', why: 'only_tls' } }, 'good', 'no_udp'],
  ['a spare way is shut', { relay: { ...allGood().relay, why: 'spare_missing' } }, 'good', 'good'],
  ['a dark picture', { camera: { ...allGood().camera, grade: 'weak', why: 'dark' } }, 'good', 'marked'],
  ['words may be missing', { bandwidth: { ...allGood().bandwidth, grade: 'weak', why: 'lossy' } }, 'good', 'marked'],
  ['no camera', { camera: { ...allGood().camera, grade: 'failed', why: 'none' } }, 'sound', 'no_camera'],
  ['a slow line', { bandwidth: { ...allGood().bandwidth, grade: 'weak', why: 'narrow' } }, 'sound', 'narrow'],
  ['no microphone', { microphone: { ...allGood().microphone, grade: 'failed', why: 'refused' } }, 'mend', 'unheard'],
  ['a mute microphone', { microphone: { ...allGood().microphone, grade: 'weak', why: 'silent' } }, 'mend', 'silent'],
  ['no loudspeaker', { loudspeaker: { grade: 'failed', why: 'not_heard', count: 1 } }, 'mend', 'deaf'],
  [
    'neither',
    { microphone: { ...allGood().microphone, grade: 'failed', why: 'none' }, loudspeaker: { grade: 'failed', why: 'broken', count: 0 } },
    'mend',
    'mute_and_deaf',
  ],
  ['signed out', { socket: { ...allGood().socket, grade: 'failed', why: 'session' } }, 'mend', 'session'],
  ['too many test', { socket: { ...allGood().socket, grade: 'failed', why: 'busy' } }, 'mend', 'later'],
  ['tested too often', { relay: { ...noRelay, grade: 'failed', why: 'too_often' } }, 'mend', 'later'],
  ['no WebSocket', { socket: { ...allGood().socket, grade: 'failed', why: 'blocked' } }, 'desk', 'socket'],
  ['no way to the relay', { relay: { ...allGood().relay, grade: 'failed', why: 'none' } }, 'desk', 'relay'],
  ['no way to the server', { server: { grade: 'failed', why: 'unreachable', hosts: [] } }, 'desk', 'server'],
  ['a useless line', { bandwidth: { ...allGood().bandwidth, grade: 'failed', why: 'too_lossy' } }, 'desk', 'line'],
  ['the relay refuses', { relay: { ...allGood().relay, grade: 'failed', why: 'refused' } }, 'operator', 'relay_refuses'],
  ['the relay is full', { relay: { ...allGood().relay, grade: 'failed', why: 'full' } }, 'operator', 'relay_full'],
  ['the relay lets nothing through', { relay: { ...allGood().relay, grade: 'failed', why: 'no_passage' } }, 'operator', 'relay_shut'],
];

test.each(cases)('%s', (_name, given, kind, why) => {
  const said = verdict({ ...allGood(), ...given });
  expect(said).toEqual({ kind, why });
  expect(verdictSentence(said!)).toMatch(/^[A-Z].*\.$/);
});

test('the network comes before the devices: what a headset mends is no use on a shut line', () => {
  const given = { ...allGood(), camera: { ...allGood().camera, grade: 'failed', why: 'none' }, relay: { ...allGood().relay, grade: 'failed', why: 'none' } } as Results;
  expect(verdict(given)).toEqual({ kind: 'desk', why: 'relay' });
});

test('a browser that cannot makes the rest unnecessary', () => {
  expect(verdict({ browser: { grade: 'failed', why: 'no_calls', screen: false } })).toEqual({ kind: 'desk', why: 'browser' });
  expect(verdict({ browser: { grade: 'failed', why: 'insecure', screen: false } })).toEqual({ kind: 'desk', why: 'insecure' });
});

test.each(STEPS)('nothing is promised without the step %s', (step) => {
  const given: Results = allGood();
  delete given[step];
  expect(verdict(given)).toBeNull();
});

const shut = (transport: PathFound['transport'], why: PathFound['why'] = 'unreachable'): PathFound => path({ transport, why, ms: null });
const open = (transport: PathFound['transport']): PathFound => path({ transport });

test.each([
  [[], 'left_out', 'left_out'],
  [[open('udp'), open('tcp'), open('tls')], 'good', 'ok'],
  [[open('udp'), open('tcp'), shut('tls')], 'good', 'spare_missing'],
  [[open('tcp')], 'good', 'ok'],
  [[shut('udp'), open('tcp'), open('tls')], 'weak', 'no_udp'],
  [[shut('udp'), open('tls')], 'weak', 'no_udp'],
  [[shut('udp'), shut('tcp'), open('tls')], 'weak', 'only_tls'],
  [[shut('udp'), shut('udp'), open('udp')], 'good', 'spare_missing'],
  [[shut('udp'), shut('tcp')], 'failed', 'none'],
  [[shut('udp'), shut('tcp', 'refused')], 'failed', 'refused'],
  [[shut('udp', 'no_passage'), shut('tcp', 'refused')], 'failed', 'no_passage'],
  [[shut('udp', 'full')], 'failed', 'full'],
  [[shut('tcp', 'invalid')], 'failed', 'none'],
] as [PathFound[], string, string][])('the ways to a relay together: %j', (paths, grade, why) => {
  expect(judgeRelay(paths)).toEqual({ grade, why });
  expect(found('relay', { relay: { ...judgeRelay(paths), types: [], paths } })).toMatch(/\.$/);
});

const line = { over: 'udp', up: 5000, down: 5000, loss: 0, median: 20, p95: 40 } as const;

test.each([
  [{}, 'good', 'ok'],
  [{ up: 800, down: 800 }, 'good', 'ok'],
  [{ up: 799 }, 'weak', 'narrow'],
  [{ down: 100 }, 'weak', 'narrow'],
  [{ down: 99 }, 'failed', 'too_narrow'],
  [{ up: null, down: null }, 'failed', 'broken'],
  [{ loss: 0.03 }, 'good', 'ok'],
  [{ loss: 0.04 }, 'weak', 'lossy'],
  [{ loss: 0.11 }, 'failed', 'too_lossy'],
  [{ median: 401 }, 'weak', 'far'],
  [{ loss: null, median: null, p95: null, over: 'socket' }, 'good', 'ok'],
] as const)('a line with %j', (given, grade, why) => {
  expect(judgeBandwidth({ ...line, ...given })).toEqual({ grade, why });
});
