/** Microphones, cameras and loudspeakers: which there are, which one was chosen, and what is wrong with one in words. */
import { words } from '../words';
import type { Device, DeviceKind, Problem, ProblemKind } from './call.svelte';

/** Kept in the browser: which devices somebody likes says nothing of anybody. */
const CHOSEN = 'mdo-call-devices';

export type Chosen = Record<DeviceKind, string>;

export interface Found {
  microphones: Device[];
  cameras: Device[];
  loudspeakers: Device[];
}

export const NOTHING_FOUND: Found = { microphones: [], cameras: [], loudspeakers: [] };

export function remembered(): Chosen {
  const chosen: Chosen = { microphone: '', camera: '', loudspeaker: '' };
  try {
    const kept = JSON.parse(localStorage.getItem(CHOSEN) ?? '{}') as Record<string, unknown>;
    for (const kind of Object.keys(chosen) as DeviceKind[]) if (typeof kept[kind] === 'string') chosen[kind] = kept[kind];
  } catch {
    // A browser that keeps nothing, or something else under this name.
  }
  return chosen;
}

export function remember(chosen: Chosen): void {
  try {
    localStorage.setItem(CHOSEN, JSON.stringify(chosen));
  } catch {
    // It holds until the page is left.
  }
}

/** Whether this page may have devices at all: without TLS no browser gives any. */
export function mayAsk(): boolean {
  return typeof navigator.mediaDevices?.getUserMedia === 'function';
}

export function mayShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

/** Whether sound can be sent to a loudspeaker of one's choice. */
export function mayChooseLoudspeaker(): boolean {
  return typeof HTMLMediaElement.prototype.setSinkId === 'function';
}

/** The devices there are; their names are known once one of them was allowed. */
export async function listDevices(): Promise<Found> {
  if (!mayAsk()) return NOTHING_FOUND;
  const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const listed = (kind: MediaDeviceKind, name: (n: number) => string): Device[] =>
    all
      // "default" and "communications" are a second name of one of the others.
      .filter((each) => each.kind === kind && each.deviceId !== '' && each.deviceId !== 'default' && each.deviceId !== 'communications')
      .map((each, at) => ({ id: each.deviceId, label: each.label || name(at + 1) }));
  return {
    microphones: listed('audioinput', words.callMicrophoneN),
    cameras: listed('videoinput', words.callCameraN),
    loudspeakers: mayChooseLoudspeaker() ? listed('audiooutput', words.callLoudspeakerN) : [],
  };
}

const VOICE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const PICTURE: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 20, max: 24 } };

const of = (wanted: MediaTrackConstraints, id: string): MediaTrackConstraints => (id ? { ...wanted, deviceId: { exact: id } } : wanted);

/** Microphone and camera with one question. */
export async function openBoth(microphone: string, camera: string): Promise<[MediaStreamTrack, MediaStreamTrack]> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: of(VOICE, microphone), video: of(PICTURE, camera) });
  return [stream.getAudioTracks()[0]!, stream.getVideoTracks()[0]!];
}

/** Whether this page may use the device without asking; browsers that do not say so: no. */
export async function isAllowed(device: 'microphone' | 'camera'): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: device as PermissionName })).state === 'granted';
  } catch {
    return false;
  }
}

/** The device that was chosen, or another one where it is not there any more. */
async function open(kind: 'audio' | 'video', wanted: MediaTrackConstraints, id: string): Promise<MediaStreamTrack> {
  const ask = async (constraints: MediaTrackConstraints) => {
    const stream = await navigator.mediaDevices.getUserMedia({ [kind]: constraints });
    return stream.getTracks()[0]!;
  };
  try {
    return await ask(of(wanted, id));
  } catch (error) {
    const gone = ['OverconstrainedError', 'NotFoundError'].includes(nameOf(error));
    if (!id || !gone) throw error;
    return ask(wanted);
  }
}

export const openMicrophone = (id: string): Promise<MediaStreamTrack> => open('audio', VOICE, id);
export const openCamera = (id: string): Promise<MediaStreamTrack> => open('video', PICTURE, id);

/** The screen or a window, as somebody chooses it; sharp text counts for more than movement. */
export async function openScreen(): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 8, max: 15 } }, audio: false });
  const track = stream.getVideoTracks()[0]!;
  track.contentHint = 'detail';
  return track;
}

function nameOf(error: unknown): string {
  return (error as { name?: string } | null)?.name ?? '';
}

/** Somebody closed the browser's own question without choosing: nothing is wrong. */
export function wasClosed(error: unknown): boolean {
  const name = nameOf(error);
  return name === 'AbortError' || (name === 'NotAllowedError' && !/system/i.test((error as Error).message));
}

/** What is wrong when a device could not be had (Media Capture and Streams, 10.2.1). */
export function problemOf(error: unknown, device: 'microphone' | 'camera'): Problem {
  const camera = device === 'camera';
  const problem = (kind: ProblemKind, text: string): Problem => ({ kind, device, words: text });
  if (!mayAsk()) return problem('insecure', words.callInsecure());
  switch (nameOf(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return problem('refused', camera ? words.callCameraRefused() : words.callMicrophoneRefused());
    case 'NotFoundError':
    case 'OverconstrainedError':
      return camera ? problem('no_camera', words.callNoCamera()) : problem('no_microphone', words.callNoMicrophone());
    default:
      // NotReadableError, AbortError: the machine has it and does not give it.
      return problem('taken', camera ? words.callCameraTaken() : words.callMicrophoneTaken());
  }
}

export function unplugged(device: DeviceKind, next: string): Problem {
  const text = {
    microphone: next ? words.callMicrophoneNext(next) : words.callMicrophoneUnplugged(),
    camera: next ? words.callCameraNext(next) : words.callCameraUnplugged(),
    loudspeaker: words.callLoudspeakerUnplugged(),
  }[device];
  return { kind: 'unplugged', device, words: text };
}
