/** What this person gives: microphone, camera and screen, as they are switched on and off, changed, unplugged and taken away. */
import { words } from '../words';
import type { CallStore, DeviceKind, Problem } from './call.svelte';
import { isAllowed, listDevices, mayAsk, mayShareScreen, openBoth, openCamera, openMicrophone, openScreen } from './devices';
import { problemOf, remember, remembered, unplugged, wasClosed } from './devices';
import type { OwnTracks } from './way';

type Sending = 'microphone' | 'camera';

/** A device that the machine interrupts for longer than this was taken by something else, in ms. */
const TAKEN_AFTER = 2_000;

export class Own {
  readonly tracks: OwnTracks = { voice: null, picture: null, screen: null };
  private over = false;
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly call: CallStore,
    private readonly on: {
      /** Other tracks are to be sent. */
      given(tracks: Partial<OwnTracks>): void;
      /** What is on and off has changed. */
      switched(): void;
      /** The loudspeaker to use; empty: the machine's own choice. */
      loudspeaker(id: string): void;
    },
  ) {
    this.call.chosen = remembered();
    navigator.mediaDevices?.addEventListener?.('devicechange', this.changed);
  }

  stop(): void {
    this.over = true;
    navigator.mediaDevices?.removeEventListener?.('devicechange', this.changed);
    for (const track of Object.values(this.tracks)) this.end(track);
    Object.assign(this.tracks, { voice: null, picture: null, screen: null });
    this.call.ownPicture = this.call.ownScreen = null;
  }

  private end(track: MediaStreamTrack | null): void {
    if (!track) return;
    track.onended = track.onmute = track.onunmute = null;
    track.stop();
  }

  /** One change of devices after another: the browser asks one question at a time. */
  private inTurn(change: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(() => (this.over ? undefined : change())).catch(() => undefined);
    return this.queue;
  }

  private get mayGive(): boolean {
    return this.call.maySpeak;
  }

  // Microphone and camera

  /** Open what is wished for, with one question of the browser for both where that is possible. */
  begin(wish: { mic: boolean; camera: boolean }): Promise<void> {
    return this.inTurn(async () => {
      if (!this.mayGive || !mayAsk()) {
        this.call.mic = this.call.camera = false;
        if (this.mayGive) this.say(problemOf(null, 'microphone'));
        return;
      }
      const both = wish.camera && !this.tracks.voice && !this.tracks.picture && (await this.beginBoth());
      if (!both) {
        // A microphone that is off is there at once when it is wanted.
        await this.openMic(wish.mic);
        // Not to be heard is worse than not to be seen: one thing is said at a time.
        const said = this.call.problem;
        if (wish.camera) await this.openCam();
        if (said) this.call.problem = said;
      }
      this.call.mic = wish.mic && this.tracks.voice !== null;
      if (this.tracks.voice) this.tracks.voice.enabled = this.call.mic;
      await this.list();
    });
  }

  /** Both with one question; false where they have to be asked for one by one. */
  private async beginBoth(): Promise<boolean> {
    const { microphone, camera } = this.call.chosen;
    try {
      const [voice, picture] = await openBoth(microphone, camera);
      this.takeVoice(voice);
      this.takePicture(picture);
      return true;
    } catch (error) {
      if ((error as { name?: string }).name !== 'NotAllowedError') return false;
      const allowed = await Promise.all((['microphone', 'camera'] as const).map(isAllowed));
      if (allowed.some(Boolean)) return false;
      this.say({ kind: 'refused', device: null, words: words.callBothRefused() });
      return true;
    }
  }

  switchMic(on: boolean): Promise<void> {
    return this.inTurn(async () => {
      if (on && this.tracks.voice?.readyState !== 'live') await this.openMic(true);
      this.setMic(on);
    });
  }

  /** At once, without waiting for a turn: silence may not wait. */
  setMic(on: boolean): void {
    const { voice } = this.tracks;
    if (voice) voice.enabled = on;
    this.call.mic = on && voice !== null;
    this.on.switched();
  }

  switchCamera(on: boolean): Promise<void> {
    return this.inTurn(async () => {
      if (on && !this.tracks.picture) await this.openCam();
      else if (!on) this.takePicture(null);
      this.on.switched();
    });
  }

  /** Whoever may only listen gives nothing. */
  silence(): Promise<void> {
    this.setMic(false);
    return this.inTurn(async () => {
      this.takeVoice(null);
      this.takePicture(null);
      this.takeScreen(null);
    });
  }

  private async openMic(loud: boolean): Promise<void> {
    if (this.tracks.voice?.readyState === 'live') return;
    try {
      this.takeVoice(await openMicrophone(this.call.chosen.microphone));
      this.forget('microphone');
    } catch (error) {
      if (loud) this.say(problemOf(error, 'microphone'));
    }
    await this.list();
  }

  private async openCam(): Promise<void> {
    try {
      this.takePicture(await openCamera(this.call.chosen.camera));
      this.forget('camera');
    } catch (error) {
      this.say(problemOf(error, 'camera'));
    }
    await this.list();
  }

  private takeVoice(track: MediaStreamTrack | null): void {
    if (!this.take('voice', track)) return;
    if (track) this.watch('microphone', track);
    this.on.given({ voice: track });
  }

  private takePicture(track: MediaStreamTrack | null): void {
    if (!this.take('picture', track)) return;
    this.call.camera = track !== null;
    this.call.ownPicture = track;
    if (track) this.watch('camera', track);
    this.on.given({ picture: track });
  }

  /** Put a track in its place; one that comes after the end is let go at once. */
  private take(place: keyof OwnTracks, track: MediaStreamTrack | null): boolean {
    if (this.over) {
      this.end(track);
      return false;
    }
    this.end(this.tracks[place]);
    this.tracks[place] = track;
    return true;
  }

  private watch(kind: Sending, track: MediaStreamTrack): void {
    let taken: ReturnType<typeof setTimeout> | undefined;
    track.onended = () => void this.lost(kind, track);
    track.onmute = () => {
      taken = setTimeout(() => {
        if (track.muted && track.readyState === 'live') this.say(problemOf(new Error('interrupted'), kind));
      }, TAKEN_AFTER);
    };
    track.onunmute = () => {
      clearTimeout(taken);
      if (this.call.problem?.kind === 'taken') this.forget(kind);
    };
    const id = track.getSettings().deviceId ?? '';
    if (id && id !== 'default') this.call.chosen = { ...this.call.chosen, [kind]: id };
  }

  /** A device went away: go on with the next one, or without. */
  private lost(kind: Sending, track: MediaStreamTrack): Promise<void> {
    return this.inTurn(async () => {
      const mic = kind === 'microphone';
      if ((mic ? this.tracks.voice : this.tracks.picture) !== track) return;
      const on = this.call.mic;
      this.call.chosen = { ...this.call.chosen, [kind]: '' };
      await this.list();
      const left = mic ? this.call.devices.microphones : this.call.devices.cameras;
      let next: MediaStreamTrack | null = null;
      if (left.length) next = await (mic ? openMicrophone('') : openCamera('')).catch(() => null);
      if (mic) {
        if (next) next.enabled = on;
        this.takeVoice(next);
        this.call.mic = on && next !== null;
      } else {
        this.takePicture(next);
      }
      if (on || !mic) this.say(unplugged(kind, next?.label ?? ''));
      this.on.switched();
    });
  }

  /** Another device, from now on. */
  choose(kind: DeviceKind, id: string): Promise<void> {
    this.call.chosen = { ...this.call.chosen, [kind]: id };
    remember(this.call.chosen);
    if (kind === 'loudspeaker') {
      this.forget(kind);
      this.on.loudspeaker(id);
      return Promise.resolve();
    }
    return this.inTurn(async () => {
      if (kind === 'microphone' && this.tracks.voice) {
        const { mic } = this.call;
        this.takeVoice(null);
        await this.openMic(true);
        this.setMic(mic);
      } else if (kind === 'camera' && this.tracks.picture) {
        this.takePicture(null);
        await this.openCam();
        this.on.switched();
      }
    });
  }

  // The screen

  async switchScreen(on: boolean): Promise<void> {
    if (!on) {
      this.takeScreen(null);
      return;
    }
    if (!mayShareScreen()) {
      this.say({ kind: 'screen', device: null, words: words.callScreenNever() });
      return;
    }
    try {
      // Asked for in the moment of the press: browsers want to see the hand.
      this.takeScreen(await openScreen());
    } catch (error) {
      if (!wasClosed(error)) this.say({ kind: 'screen', device: null, words: words.callScreenFailed() });
    }
  }

  private takeScreen(track: MediaStreamTrack | null): void {
    if (!this.take('screen', track)) return;
    if (track) {
      track.onended = () => {
        if (this.tracks.screen === track) this.takeScreen(null);
      };
    }
    this.call.ownScreen = track;
    this.call.screen = track !== null;
    this.on.given({ screen: track });
    this.on.switched();
  }

  // Which there are

  private readonly changed = (): void => void this.list();

  async list(): Promise<void> {
    const found = await listDevices();
    if (this.over) return;
    this.call.devices = found;
    const { loudspeaker } = this.call.chosen;
    if (loudspeaker && found.loudspeakers.length && !found.loudspeakers.some(({ id }) => id === loudspeaker)) this.loudspeakerGone();
  }

  loudspeakerGone(): void {
    this.call.chosen = { ...this.call.chosen, loudspeaker: '' };
    this.say(unplugged('loudspeaker', ''));
    this.on.loudspeaker('');
  }

  private say(problem: Problem): void {
    if (!this.over) this.call.problem = problem;
  }

  /** The device works again: what was said of it is over. */
  private forget(device: DeviceKind): void {
    const { problem } = this.call;
    if (problem && (problem.device === device || (problem.device === null && problem.kind === 'refused'))) this.call.problem = null;
  }
}
