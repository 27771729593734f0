/** Microphone, camera and loudspeaker of this machine. What they give is looked at here and goes nowhere. */
import type { CameraFound, DeviceWhy, LoudspeakerFound, MicrophoneFound } from './steps';
import { SMALL } from './steps';
import { Stopped, pause, unlessStopped, within } from './waiting';

export interface Choice {
  id: string;
  label: string;
}

export type Kind = 'audioinput' | 'videoinput' | 'audiooutput';

/** How long somebody has to say a word, and what counts as one: louder than a quiet room, for a third of a second. */
const LISTENS = 10_000;
const LOUD = 0.03;
const LOUD_MOMENTS = 6;
const EVERY = 50;
/** How long a camera may take to give its first picture, and how long it is watched. */
const FIRST_PICTURE = 8_000;
const WATCHES = 2_000;
/** A picture all of whose points are darker than this (0..255) is a closed lid. */
const DARK = 24;

/** Why a device did not begin, out of the browser's error. */
export function whyNot(error: unknown): Exclude<DeviceWhy, 'ok'> {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none';
    case 'NotReadableError':
    case 'AbortError':
      return 'taken';
    default:
      return 'broken';
  }
}

/** What Chromium lists beside the devices themselves: whichever of them the system prefers. */
const STANDS_FOR_ANOTHER = ['', 'default', 'communications'];

/** The devices of one kind. Before somebody allowed one, browsers tell nothing of them. */
export async function devices(kind: Kind): Promise<Choice[]> {
  const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return all.filter((device) => device.kind === kind && !STANDS_FOR_ANOTHER.includes(device.deviceId)).map((device) => ({ id: device.deviceId, label: device.label }));
}

/** Ask for a device; whoever stops the test before the browser's question is answered does not leave it running. */
async function take(constraints: MediaStreamConstraints, signal: AbortSignal): Promise<MediaStream> {
  const asked = navigator.mediaDevices.getUserMedia(constraints);
  try {
    return await unlessStopped(asked, signal);
  } catch (error) {
    if (error instanceof Stopped) void asked.then(release, () => undefined);
    throw error;
  }
}

export function release(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** How loud a piece of sound is, 0..1: on a scale on which speech fills the upper half. Pure. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const root = Math.sqrt(sum / (samples.length || 1));
  // -60 dB is nothing, 0 dB is everything.
  return root > 0 ? Math.min(1, Math.max(0, 1 + (20 * Math.log10(root)) / 60)) : 0;
}

/** Listens until somebody was heard, at most ten seconds; tells the level meanwhile. */
export async function tryMicrophone(context: AudioContext, chosen: string, signal: AbortSignal, tell: { level(level: number): void; open(): void | Promise<void> }): Promise<MicrophoneFound> {
  let stream: MediaStream;
  try {
    stream = await take({ audio: chosen ? { deviceId: { exact: chosen } } : true }, signal);
  } catch (error) {
    if (error instanceof Stopped) throw error;
    return { grade: 'failed', why: whyNot(error), count: (await devices('audioinput')).length, level: 0 };
  }
  let voice: MediaStreamAudioSourceNode | null = null;
  try {
    await tell.open();
    await within(context.resume(), 1_000, undefined, signal);
    const ear = context.createAnalyser();
    ear.fftSize = 2048;
    voice = context.createMediaStreamSource(stream);
    voice.connect(ear);
    const samples = new Float32Array(ear.fftSize);
    const quiet = 1 + (20 * Math.log10(LOUD)) / 60;
    let loudest = 0;
    let moments = 0;
    for (let waited = 0; waited < LISTENS && moments < LOUD_MOMENTS; waited += EVERY) {
      await pause(EVERY, signal);
      ear.getFloatTimeDomainData(samples);
      const level = loudness(samples);
      tell.level(level);
      loudest = Math.max(loudest, level);
      if (level > quiet) moments += 1;
    }
    const heard = moments >= LOUD_MOMENTS;
    const count = (await devices('audioinput')).length;
    return { grade: heard ? 'good' : 'weak', why: heard ? 'ok' : 'silent', count, level: loudest };
  } catch (error) {
    if (error instanceof Stopped) throw error;
    return { grade: 'failed', why: 'broken', count: (await devices('audioinput')).length, level: 0 };
  } finally {
    tell.level(0);
    voice?.disconnect();
    release(stream);
  }
}

/** Watches the camera's picture for a moment. The stream goes on, for the preview, until somebody releases it. */
export async function tryCamera(chosen: string, signal: AbortSignal, show: (stream: MediaStream) => void | Promise<void>): Promise<CameraFound> {
  const wished = { width: { ideal: 1280 }, height: { ideal: 720 } };
  let stream: MediaStream;
  try {
    stream = await take({ video: chosen ? { ...wished, deviceId: { exact: chosen } } : wished }, signal);
  } catch (error) {
    if (error instanceof Stopped) throw error;
    return { grade: 'failed', why: whyNot(error), count: (await devices('videoinput')).length, width: 0, height: 0, fps: 0 };
  }
  await show(stream);
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  try {
    await within(video.play().catch(() => undefined), FIRST_PICTURE, undefined, signal);
    const frames = (): number => video.getVideoPlaybackQuality().totalVideoFrames;
    for (let waited = 0; waited < FIRST_PICTURE && frames() < 1; waited += EVERY) await pause(EVERY, signal);
    const [before, from] = [frames(), performance.now()];
    await pause(WATCHES, signal);
    const fps = ((frames() - before) * 1000) / (performance.now() - from);
    const count = (await devices('videoinput')).length;
    const seen = { count, width: video.videoWidth, height: video.videoHeight, fps: Math.round(fps) };
    if (!seen.width || fps < 1) return { grade: 'failed', why: 'still', ...seen };
    if (isDark(video)) return { grade: 'weak', why: 'dark', ...seen };
    if (seen.height < SMALL) return { grade: 'weak', why: 'small', ...seen };
    return { grade: 'good', why: 'ok', ...seen };
  } finally {
    video.srcObject = null;
  }
}

function isDark(video: HTMLVideoElement): boolean {
  const canvas = document.createElement('canvas');
  canvas.width = 32;
  canvas.height = 18;
  const drawing = canvas.getContext('2d', { willReadFrequently: true });
  if (!drawing) return false;
  drawing.drawImage(video, 0, 0, canvas.width, canvas.height);
  const points = drawing.getImageData(0, 0, canvas.width, canvas.height).data;
  return points.every((value, at) => at % 4 === 3 || value < DARK);
}

/** Can the loudspeaker be chosen here? Some browsers leave that to the system. */
export function canChooseLoudspeaker(): boolean {
  return typeof AudioContext !== 'undefined' && 'setSinkId' in AudioContext.prototype;
}

interface WithSink {
  setSinkId(id: string): Promise<void>;
}

/** Two soft notes, a second long. Rejects when nothing can be played. */
export async function playTone(context: AudioContext, chosen: string, signal: AbortSignal): Promise<void> {
  if (canChooseLoudspeaker()) await (context as unknown as WithSink).setSinkId(chosen);
  const running = await within(context.resume().then(() => true), 3_000, false, signal);
  if (!running) throw new Error('no sound can be played');
  for (const [at, hertz] of [[0, 523.25], [0.45, 659.25]] as const) {
    const from = context.currentTime + 0.05 + at;
    const tone = new OscillatorNode(context, { frequency: hertz });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(0.25, from + 0.05);
    volume.gain.linearRampToValueAtTime(0, from + 0.5);
    tone.connect(volume).connect(context.destination);
    tone.start(from);
    tone.stop(from + 0.55);
  }
  await pause(1_200, signal);
}

/** Plays the tone and asks, again as often as wished. */
export async function tryLoudspeaker(signal: AbortSignal, play: () => Promise<void>, ask: () => Promise<'yes' | 'no' | 'again'>): Promise<LoudspeakerFound> {
  const count = async (): Promise<number> => (await devices('audiooutput')).length;
  for (;;) {
    try {
      await play();
    } catch (error) {
      if (error instanceof Stopped || signal.aborted) throw new Stopped();
      return { grade: 'failed', why: 'broken', count: await count() };
    }
    const answer = await ask();
    if (signal.aborted) throw new Stopped();
    if (answer === 'again') continue;
    const heard = answer === 'yes';
    return { grade: heard ? 'good' : 'failed', why: heard ? 'ok' : 'not_heard', count: await count() };
  }
}
