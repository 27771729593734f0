/** What is heard: a hidden element for each voice, on the loudspeaker that was chosen. */
import type { Id } from '../protocol';

export class Sounds {
  private readonly elements = new Map<Id, HTMLAudioElement>();
  private sink = '';

  constructor(
    private readonly on: {
      /** The browser plays nothing until somebody presses something. */
      blocked(): void;
      /** The loudspeaker that was chosen is not there. */
      sinkGone(): void;
    },
  ) {}

  play(peer: Id, track: MediaStreamTrack | null): void {
    const element = this.elements.get(peer);
    if (!track) {
      this.stop(peer);
      return;
    }
    if (element && (element.srcObject as MediaStream | null)?.getTracks()[0] === track) return;
    const playing = element ?? this.make(peer);
    playing.srcObject = new MediaStream([track]);
    void this.start(playing);
  }

  private make(peer: Id): HTMLAudioElement {
    const element = document.createElement('audio');
    element.autoplay = true;
    element.hidden = true;
    element.dataset['callVoice'] = peer;
    document.body.append(element);
    this.elements.set(peer, element);
    if (this.sink) void this.direct(element);
    return element;
  }

  private async start(element: HTMLAudioElement): Promise<boolean> {
    try {
      await element.play();
      return true;
    } catch (error) {
      // Another track came in between, or the element is gone: nothing is held back.
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.on.blocked();
      return false;
    }
  }

  stop(peer: Id): void {
    const element = this.elements.get(peer);
    if (!element) return;
    element.pause();
    element.srcObject = null;
    element.remove();
    this.elements.delete(peer);
  }

  /** Somebody pressed something: play what was held back. */
  async unblock(): Promise<void> {
    await Promise.all([...this.elements.values()].map((element) => this.start(element)));
  }

  /** Another loudspeaker; empty: the machine's own choice. */
  async choose(sink: string): Promise<void> {
    this.sink = sink;
    await Promise.all([...this.elements.values()].map((element) => this.direct(element)));
  }

  private async direct(element: HTMLAudioElement): Promise<void> {
    if (typeof element.setSinkId !== 'function') return;
    try {
      await element.setSinkId(this.sink);
    } catch {
      if (!this.sink) return;
      this.sink = '';
      this.on.sinkGone();
      await element.setSinkId('').catch(() => undefined);
    }
  }

  /** Two short notes, so that somebody knows where the sound comes out. */
  async test(): Promise<void> {
    if (typeof AudioContext === 'undefined') return;
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const element = document.createElement('audio');
    element.srcObject = out.stream;
    if (this.sink) await this.direct(element);
    await context.resume();
    await this.start(element);
    const begins = context.currentTime + 0.05;
    const ended = [440, 660].map((pitch, at) => {
      const note = new OscillatorNode(context, { frequency: pitch });
      const loud = new GainNode(context, { gain: 0 });
      const from = begins + at * 0.35;
      loud.gain.setValueAtTime(0, from);
      loud.gain.linearRampToValueAtTime(0.25, from + 0.03);
      loud.gain.linearRampToValueAtTime(0, from + 0.3);
      note.connect(loud).connect(out);
      note.start(from);
      note.stop(from + 0.32);
      return new Promise((done) => (note.onended = done));
    });
    await Promise.all(ended);
    element.srcObject = null;
    await context.close();
  }

  close(): void {
    for (const peer of [...this.elements.keys()]) this.stop(peer);
  }
}
