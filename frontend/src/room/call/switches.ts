/** The switches of one's own place in the call: microphone, push to talk, camera, screen, sound only. */
import { words } from '../words';
import type { CallStore } from './call.svelte';
import type { Own } from './own';
import { lowAfter, lowPressed, NOT_LOW } from './quality';
import type { Quality } from './way';

export class Switches {
  private lowness = NOT_LOW;
  /** The person wants to be seen, whatever the line carries now. */
  private wantsCamera = false;
  /** The camera is off because nobody would be shown, and comes back when they are. */
  private paused = false;
  private holding = false;

  constructor(
    private readonly call: CallStore,
    private readonly own: Own,
    private readonly on: {
      joined(): boolean;
      lowered(): void;
    },
  ) {}

  async begin(wish: { mic: boolean; camera: boolean }): Promise<void> {
    this.wantsCamera = wish.camera;
    await this.own.begin({ mic: wish.mic, camera: wish.camera && !this.barred });
  }

  /** As it stands in the preview, or as it is wished for; without a preview both are on. */
  async join(wish: { mic?: boolean; camera?: boolean }): Promise<void> {
    const { call, own } = this;
    const fresh = !own.tracks.voice && !own.tracks.picture && !call.problem;
    const mic = wish.mic ?? (fresh || call.mic);
    const camera = wish.camera ?? (fresh || call.camera);
    if (fresh) {
      await this.begin({ mic, camera });
      return;
    }
    this.wantsCamera = camera;
    if (mic !== call.mic) await this.switchMic(mic);
    if (camera !== call.camera) await this.switchCamera(camera);
  }

  /** Off at once, not by this person's own hand. */
  mute(): void {
    this.holding = this.call.pushToTalk = false;
    this.own.setMic(false);
  }

  async switchMic(on: boolean): Promise<void> {
    if (on) this.call.mutedBy = null;
    this.holding = this.call.pushToTalk = false;
    if (on) await this.own.switchMic(true);
    else this.own.setMic(false);
  }

  /** Held: the microphone is on for so long, unless it was on anyway. */
  async hold(down: boolean): Promise<void> {
    const { call } = this;
    if (down === this.holding || (down && call.mic)) return;
    this.holding = call.pushToTalk = down;
    if (!down) {
      this.own.setMic(false);
      return;
    }
    await this.own.switchMic(true);
    // Let go, while the browser asked whether it may.
    if (!this.holding) this.own.setMic(false);
  }

  async switchCamera(on: boolean): Promise<void> {
    const { call } = this;
    this.wantsCamera = on;
    this.paused ||= on && this.barred;
    if (on && call.low) this.switchLow(false);
    else if (on && this.barred) call.problem = { kind: 'full', device: null, words: words.callSoundFirst() };
    else await this.own.switchCamera(on);
  }

  /** Nobody would be shown: sound only, or too many for pictures. */
  private get barred(): boolean {
    return this.call.low || (this.call.soundFirst && this.on.joined());
  }

  /** Cameras go off where nobody would be shown, and come back where somebody wanted to be. */
  async judgeCamera(): Promise<void> {
    if (!this.on.joined()) return;
    if (this.barred && this.call.camera) {
      this.paused = true;
      await this.own.switchCamera(false);
    } else if (!this.barred && this.paused) {
      this.paused = false;
      if (this.wantsCamera) await this.own.switchCamera(true);
    }
  }

  switchScreen(on: boolean): Promise<void> {
    return this.own.switchScreen(on);
  }

  switchLow(on: boolean): void {
    this.lowness = lowPressed(this.lowness, on, Date.now());
    this.showLow();
  }

  hearQuality(quality: Quality): void {
    this.lowness = lowAfter(this.lowness, quality, Date.now());
    this.showLow();
  }

  private showLow(): void {
    const { call, lowness } = this;
    if (call.low === lowness.low && call.lowByItself === lowness.byItself) return;
    call.low = lowness.low;
    call.lowByItself = lowness.byItself;
    void this.judgeCamera();
    this.on.lowered();
  }
}
