import { expect, test } from 'vitest';
import { allGood, path } from './found.testing';
import { fileName, report, type Around } from './report';
import type { Results } from './steps';
import { verdict } from './verdict';

const around: Around = {
  at: new Date('2026-11-25T14:03:00Z'),
  origin: 'https://moc.example.org',
  socket: '/ws/call-test/',
  version: '0.1.0',
  browser: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0',
  language: 'en',
};

test('the whole of it, line by line', () => {
  const given = allGood();
  const text = report(given, verdict(given), around).split('\n');
  expect(text[1]).toMatch(/^Time: Wed, Nov 25, 2026, \d\d:\d\d \S+$/);
  expect([text[0], ...text.slice(2)]).toEqual([
    'MDO: Test of picture and sound',
    'Site: https://moc.example.org, version 0.1.0',
    'Browser: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0',
    'Result: Picture and sound will work.',
    '',
    '1. Browser: Good',
    '   This browser can make calls.',
    '   - screens can be shared',
    '2. Microphone: Good',
    '   Your voice comes through.',
    '   - 2 devices',
    '   - loudest 62%',
    '3. Camera: Good',
    '   The picture moves.',
    '   - 1 device',
    '   - 1280 × 720',
    '   - 30 pictures a second',
    '4. Loudspeaker: Good',
    '   You hear the others.',
    '   - 2 devices',
    '5. Connection to this site: Good',
    '   The room’s connection works.',
    '   - there and back 12 ms, slowest 32 ms',
    '6. Way to the others (relay): Good',
    '   Every way to the relay is open.',
    '   - UDP turn.example.org:3478: connected in 34 ms',
    '   - TCP turn.example.org:3478: connected in 51 ms',
    '   - TLS turn.example.org:443: connected in 70 ms',
    '7. Speed of the line: Good',
    '   Fast enough for picture and sound.',
    '   - over UDP',
    '   - 8.4 Mbit/s both ways',
    '   - 0.4% lost',
    '   - delay 21 ms, slowest 38 ms',
    '8. Media server: Left out',
    '   This site has none: calls go from browser to browser.',
    '',
    'Hosts and ports that were tried:',
    '- WebSocket wss://moc.example.org:443/ws/call-test/: Good',
    '- UDP turn.example.org:3478: connected in 34 ms',
    '- TCP turn.example.org:3478: connected in 51 ms',
    '- TLS turn.example.org:443: connected in 70 ms',
    '',
    'Kinds of network candidates, without addresses: host, relay, srflx',
    '',
  ]);
});

test('what is shut stands in it with host and port, and a relay that has no name', () => {
  const given: Results = {
    ...allGood(),
    socket: { grade: 'failed', why: 'blocked', median: null, p95: null, close: 1006 },
    relay: { grade: 'weak', why: 'no_udp', types: [], paths: [path({ host: '2001:db8::5', why: 'unreachable', ms: null }), path({ transport: 'tls', port: 443, why: 'unreachable', ms: null })] },
    server: { grade: 'failed', why: 'unreachable', hosts: [{ host: 'media.example.org', port: 443, ms: null }] },
  };
  const text = report(given, verdict(given), { ...around, origin: 'http://127.0.0.1:8000' });
  expect(text).toContain('\n- WebSocket ws://127.0.0.1:8000/ws/call-test/: Failed\n');
  expect(text).toContain('\n   - closed with 1006\n');
  expect(text).toContain('\n- UDP [2001:db8::5]:3478: not reachable\n');
  expect(text).toContain('\n- TLS turn.example.org:443: not reachable, or its certificate is not trusted here\n');
  expect(text).toContain('\n- TLS media.example.org:443: not reachable\n');
  expect(text).toContain('\nKinds of network candidates, without addresses: none\n');
});

test('a test that was stopped says so and promises nothing', () => {
  const { browser, microphone } = allGood();
  const text = report({ browser, microphone }, null, around);
  expect(text).toContain('\nResult: The test was stopped before its end.\n');
  expect(text).toContain('\n3. Camera: Waiting\n4. Loudspeaker: Waiting\n');
  expect(text).not.toContain('will work');
});

test('the file is called after the moment, without anybody’s name', () => {
  expect(fileName(new Date(2026, 10, 5, 9, 3))).toBe('mdo-call-test-2026-11-05-0903.txt');
});
