import { ConnectionError } from 'livekit-client';
import { describe, expect, it } from 'vitest';
import { failureOf, joined } from './livekit';
import { Flow } from './stats';

const track = (name: string): MediaStreamTrack => ({ id: name }) as MediaStreamTrack;

describe('the way through a media server', () => {
  it('knows whether trying again helps', () => {
    expect(failureOf(ConnectionError.notAllowed('token', 401))).toBe('closed');
    expect(failureOf(ConnectionError.serverUnreachable('refused'))).toBe('nowhere');
    expect(failureOf(ConnectionError.internal('no node'))).toBe('again');
    expect(failureOf(ConnectionError.timeout('slow'))).toBe('again');
    expect(failureOf(new Error('something'))).toBe('again');
  });

  it('shows what comes from the room before until the next one has it', () => {
    const [voice, picture, other] = ['voice', 'picture', 'other'].map(track) as [MediaStreamTrack, MediaStreamTrack, MediaStreamTrack];
    const nothing = { voice: null, picture: null, screen: null };
    expect(joined(nothing, { voice, picture, screen: null })).toEqual({ voice, picture, screen: null });
    expect(joined({ voice: other, picture: null, screen: null }, { voice, picture, screen: null })).toEqual({ voice: other, picture, screen: null });
    expect(joined(nothing, nothing)).toEqual(nothing);
  });
});

describe('what comes over a line', () => {
  const pair = (bytes: number, answers = 0) => [{ type: 'candidate-pair', id: 'a', bytesReceived: bytes, responsesReceived: answers }, { type: 'codec', id: 'b' }];

  it('is counted as silence when nothing comes, not even an answer', () => {
    const flow = new Flow();
    expect([flow.read(pair(10), 0), flow.read(pair(20), 1_000), flow.read(pair(20), 3_000), flow.read(pair(20, 1), 4_000), flow.read(pair(20, 1), 9_000)]).toEqual([
      0, 0, 2_000, 0, 5_000,
    ]);
  });

  it('is no silence while there is no line', () => {
    const flow = new Flow();
    expect([flow.read([], 0), flow.read([], 60_000), flow.read(pair(0), 70_000), flow.read(pair(0), 71_000)]).toEqual([0, 0, 0, 1_000]);
  });
});
