/** How loud it is: at the own microphone, and in what comes from each other one. One AudioContext hears them all. */

/** Quieter than this is nothing, in dB below the loudest that can be. */
const QUIETEST = -60;

/** The loudness of a stretch of sound as 0 (nothing to be heard) to 1 (as loud as can be). */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const loudness = Math.sqrt(sum / Math.max(1, samples.length));
  if (loudness <= 0) return 0;
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(loudness)) / QUIETEST));
}

interface Ear {
  track: MediaStreamTrack;
  source: MediaStreamAudioSourceNode;
  analyser: AnalyserNode;
}

export class Levels {
  private context: AudioContext | null = null;
  private readonly ears = new Map<string, Ear>();
  private readonly samples = new Float32Array(1024);

  /** Listen to a track under a name; null: no longer. */
  listen(name: string, track: MediaStreamTrack | null): void {
    const ear = this.ears.get(name);
    if (ear?.track === track) return;
    if (ear) {
      ear.source.disconnect();
      this.ears.delete(name);
    }
    if (!track || typeof AudioContext === 'undefined') return;
    this.context ??= new AudioContext({ latencyHint: 'playback' });
    const source = this.context.createMediaStreamSource(new MediaStream([track]));
    const analyser = new AnalyserNode(this.context, { fftSize: this.samples.length, smoothingTimeConstant: 0 });
    source.connect(analyser);
    this.ears.set(name, { track, source, analyser });
  }

  /** How loud it is now under this name. */
  read(name: string): number {
    const ear = this.ears.get(name);
    if (!ear || !ear.track.enabled) return 0;
    // Browsers let sound rest until somebody pressed something, and while a phone rings.
    if (this.context?.state === 'suspended') void this.context.resume().catch(() => undefined);
    ear.analyser.getFloatTimeDomainData(this.samples);
    return levelOf(this.samples);
  }

  close(): void {
    for (const name of [...this.ears.keys()]) this.listen(name, null);
    void this.context?.close().catch(() => undefined);
    this.context = null;
  }
}
