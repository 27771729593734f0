import { describe, expect, test } from 'vitest';
import { answered, answering, sessionOf, ufragOf, wishingForOpus } from './sdp';

const SDP = [
  'v=0',
  'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63',
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:EsAw',
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:111 transport-cc',
  'a=fmtp:111 minptime=10;useinbandfec=0',
  'a=rtpmap:63 red/48000/2',
  'a=fmtp:63 111/111',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=rtpmap:96 VP8/90000',
  '',
].join('\r\n');

describe('a description', () => {
  test('its session and the name of its attempt', () => {
    expect([sessionOf(SDP), ufragOf(SDP)]).toEqual(['4611731400430051336', 'EsAw']);
    expect(sessionOf(SDP.replace('o=- 4611731400430051336 2 IN IP4 127.0.0.1', 'o=mozilla 77 0 IN IP4 0.0.0.0'))).toBe('77');
    expect([sessionOf('nothing'), ufragOf('nothing')]).toEqual(['', '']);
  });

  test('an answer names its offer, and is itself again without that line', () => {
    const answer = answering(SDP, SDP.replace('EsAw', 'other'));
    expect(answer.indexOf('a=x-mdo-answers:other\r\n')).toBeLessThan(answer.indexOf('m=audio'));
    expect(answered(answer)).toEqual({ offer: 'other', sdp: SDP });
    expect(answered(SDP)).toEqual({ offer: '', sdp: SDP });
  });

  test('repair and silence are asked for once, on opus alone', () => {
    const wishing = wishingForOpus(SDP);
    expect(wishing).toBe(SDP.replace('minptime=10;useinbandfec=0', 'minptime=10;useinbandfec=1;usedtx=1'));
    expect(wishingForOpus(wishing)).toBe(wishing);
    expect(wishingForOpus(SDP.replace('opus/48000/2', 'PCMU/8000'))).toBe(SDP.replace('opus/48000/2', 'PCMU/8000'));
  });
});
