/** One sentence about the whole: the first thing that stands in the way, the gravest first. Pure. */
import { STEPS, type Results } from './steps';

export type VerdictKind = 'good' | 'sound' | 'mend' | 'desk' | 'operator';

export type VerdictWhy =
  | 'good' | 'marked' | 'no_udp' | 'direct' | 'server_only'
  | 'no_camera' | 'narrow'
  | 'mute_and_deaf' | 'unheard' | 'silent' | 'deaf' | 'session' | 'later'
  | 'browser' | 'insecure' | 'socket' | 'relay' | 'server' | 'line'
  | 'relay_refuses' | 'relay_full' | 'relay_shut';

export interface Verdict {
  kind: VerdictKind;
  why: VerdictWhy;
}

/** `null` while a step is missing: nothing is promised that was not tested. */
export function verdict(found: Results): Verdict | null {
  const { browser, microphone, camera, loudspeaker, socket, relay, bandwidth, server } = found;
  if (browser?.grade === 'failed') return { kind: 'desk', why: browser.why === 'insecure' ? 'insecure' : 'browser' };
  if (!browser || !microphone || !camera || !loudspeaker || !socket || !relay || !bandwidth || !server) return null;

  if (socket.why === 'session') return { kind: 'mend', why: 'session' };
  if (socket.why === 'busy' || socket.why === 'restart') return { kind: 'mend', why: 'later' };
  if (socket.grade === 'failed') return { kind: 'desk', why: 'socket' };
  if (relay.why === 'no_ticket' || relay.why === 'too_often') return { kind: 'mend', why: 'later' };
  if (relay.why === 'refused') return { kind: 'operator', why: 'relay_refuses' };
  if (relay.why === 'full') return { kind: 'operator', why: 'relay_full' };
  if (relay.why === 'no_passage') return { kind: 'operator', why: 'relay_shut' };
  if (relay.grade === 'failed') return { kind: 'desk', why: 'relay' };
  if (server.grade === 'failed') return { kind: 'desk', why: 'server' };
  if (bandwidth.grade === 'failed') return { kind: 'desk', why: 'line' };

  if (microphone.grade === 'failed' && loudspeaker.grade === 'failed') return { kind: 'mend', why: 'mute_and_deaf' };
  if (microphone.grade === 'failed') return { kind: 'mend', why: 'unheard' };
  if (loudspeaker.grade === 'failed') return { kind: 'mend', why: 'deaf' };
  if (microphone.why === 'silent') return { kind: 'mend', why: 'silent' };

  if (camera.grade === 'failed') return { kind: 'sound', why: 'no_camera' };
  if (bandwidth.why === 'narrow') return { kind: 'sound', why: 'narrow' };

  if (relay.grade === 'weak') return { kind: 'good', why: 'no_udp' };
  if (relay.grade === 'left_out') return { kind: 'good', why: server.grade === 'good' ? 'server_only' : 'direct' };
  if (STEPS.some((step) => found[step]?.grade === 'weak')) return { kind: 'good', why: 'marked' };
  return { kind: 'good', why: 'good' };
}
