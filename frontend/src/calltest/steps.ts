/** What is tested, one after another, and what each step can find. Facts only: the words for them are in words.ts. */

export const STEPS = ['browser', 'microphone', 'camera', 'loudspeaker', 'socket', 'relay', 'bandwidth', 'server'] as const;
export type StepName = (typeof STEPS)[number];

/** `left_out`: this site has no such thing, so there is nothing to test. */
export type Grade = 'good' | 'weak' | 'failed' | 'left_out';
export type StepState = 'waiting' | 'running' | Grade;

export type DeviceWhy = 'ok' | 'refused' | 'none' | 'taken' | 'broken';
export type Transport = 'udp' | 'tcp' | 'tls';

export interface BrowserFound {
  grade: Grade;
  why: 'ok' | 'insecure' | 'no_calls';
  screen: boolean; // can share a screen or a window
}

export interface MicrophoneFound {
  grade: Grade;
  why: DeviceWhy | 'silent';
  count: number;
  level: number; // the loudest, 0..1
}

export interface CameraFound {
  grade: Grade;
  why: DeviceWhy | 'still' | 'dark' | 'small';
  count: number;
  width: number;
  height: number;
  fps: number;
}

export interface LoudspeakerFound {
  grade: Grade;
  why: 'ok' | 'not_heard' | 'broken';
  count: number;
}

export interface SocketFound {
  grade: Grade;
  why: 'ok' | 'slow' | 'blocked' | 'cut' | 'session' | 'busy' | 'restart';
  median: number | null; // ms
  p95: number | null;
  close: number | null; // the code with which the server, or something on the way, closed
}

/** One address of the relay, and how far one gets through it. */
export interface PathFound {
  transport: Transport;
  host: string;
  port: number;
  why: 'ok' | 'unreachable' | 'refused' | 'full' | 'no_passage' | 'invalid';
  ms: number | null;
}

export interface RelayFound {
  grade: Grade;
  why: 'ok' | 'spare_missing' | 'no_udp' | 'only_tls' | 'none' | 'refused' | 'full' | 'no_passage' | 'no_ticket' | 'too_often' | 'left_out';
  types: string[]; // of candidates, without addresses: host, srflx, relay
  paths: PathFound[];
}

export interface BandwidthFound {
  grade: Grade;
  why: 'ok' | 'narrow' | 'too_narrow' | 'lossy' | 'too_lossy' | 'far' | 'broken';
  over: Transport | 'socket';
  up: number | null; // kbit/s
  down: number | null;
  loss: number | null; // 0..1
  median: number | null; // ms from one end to the other
  p95: number | null;
}

export interface ServerFound {
  grade: Grade;
  why: 'ok' | 'unreachable' | 'left_out';
  hosts: { host: string; port: number; ms: number | null }[];
}

export interface Results {
  browser?: BrowserFound;
  microphone?: MicrophoneFound;
  camera?: CameraFound;
  loudspeaker?: LoudspeakerFound;
  socket?: SocketFound;
  relay?: RelayFound;
  bandwidth?: BandwidthFound;
  server?: ServerFound;
}

/** In kbit/s: a voice with what surrounds it; the own picture in four small copies beside it, as a call among five needs. */
export const SOUND_NEEDS = 100;
export const PICTURE_NEEDS = 800;
/** Parts of packets that are lost: from the first on it is heard, from the second on nobody understands a sentence. */
export const LOSS_HEARD = 0.03;
export const LOSS_TOO_MUCH = 0.1;
/** In ms from one end to the other. ITU-T G.114 (2003): above 400 ms people fall into each other's words. */
export const FAR = 400;
/** In ms there and back on the socket: above this, what the chair does is felt to lag. */
export const SLOW = 800;
/** Below this many lines a face is not recognised on a wall. */
export const SMALL = 240;

/** How the addresses of the relay, taken together, are judged. */
export function judgeRelay(paths: PathFound[]): Pick<RelayFound, 'grade' | 'why'> {
  if (!paths.length) return { grade: 'left_out', why: 'left_out' };
  const tried = (transport: Transport) => paths.some((path) => path.transport === transport);
  const works = (transport: Transport) => paths.some((path) => path.transport === transport && path.why === 'ok');
  if (works('udp') || (!tried('udp') && paths.some((path) => path.why === 'ok'))) {
    return { grade: 'good', why: paths.every((path) => path.why === 'ok') ? 'ok' : 'spare_missing' };
  }
  if (works('tcp')) return { grade: 'weak', why: 'no_udp' };
  if (works('tls')) return { grade: 'weak', why: tried('tcp') ? 'only_tls' : 'no_udp' };
  for (const why of ['no_passage', 'refused', 'full'] as const) {
    if (paths.some((path) => path.why === why)) return { grade: 'failed', why };
  }
  return { grade: 'failed', why: 'none' };
}

/** What the line is good for. `broken`: nothing came through at all. */
export function judgeBandwidth(found: Omit<BandwidthFound, 'grade' | 'why'>): Pick<BandwidthFound, 'grade' | 'why'> {
  const rates = [found.up, found.down].filter((rate) => rate !== null);
  const rate = rates.length ? Math.min(...rates) : 0;
  if (!rate) return { grade: 'failed', why: 'broken' };
  if (rate < SOUND_NEEDS) return { grade: 'failed', why: 'too_narrow' };
  if ((found.loss ?? 0) > LOSS_TOO_MUCH) return { grade: 'failed', why: 'too_lossy' };
  if (rate < PICTURE_NEEDS) return { grade: 'weak', why: 'narrow' };
  if ((found.loss ?? 0) > LOSS_HEARD) return { grade: 'weak', why: 'lossy' };
  if ((found.median ?? 0) > FAR) return { grade: 'weak', why: 'far' };
  return { grade: 'good', why: 'ok' };
}
