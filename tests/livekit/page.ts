/** A plain page with one way through the media server, driven by the test: `window.call`. */
import { LiveKitWay } from '../../frontend/src/room/call/livekit';
import type { Ticket } from '../../frontend/src/room/protocol';
import type { OwnTracks, Quality, Streams } from '../../frontend/src/room/call/way';

class Call {
  streams = new Map<string, Streams>();
  links = new Map<string, string>();
  downs: string[] = [];
  losses = 0;
  quality: Quality | null = null;
  own: OwnTracks = { voice: null, picture: null, screen: null };
  way: LiveKitWay | null = null;
  played = new Map<MediaStreamTrack, HTMLVideoElement>();

  async open(camera: boolean, mic: boolean): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, ...(camera ? { video: { width: 320, height: 180, frameRate: 10 } } : {}) });
    this.own = { voice: stream.getAudioTracks()[0] ?? null, picture: stream.getVideoTracks()[0] ?? null, screen: null };
    if (this.own.voice) this.own.voice.enabled = mic;
  }

  async join(ticket: Ticket, others: string[], peers = others.length + 1): Promise<void> {
    const way = new LiveKitWay({
      onStreams: (peer, streams) => {
        this.streams.set(peer, streams);
        for (const track of [streams.picture, streams.screen, streams.voice]) if (track) this.play(track);
      },
      onLink: (peer, link) => {
        this.links.set(peer, link);
        if (link === 'lost') this.losses += 1;
      },
      onQuality: (quality) => (this.quality = quality),
      onDown: (reason) => this.downs.push(reason),
    });
    way.meet(others.map((peer) => ({ peer, guest: false, speak: true, low: false })));
    way.use({ picture: 'all', peers, low: false, active: null });
    await way.join(ticket, { ...this.own });
    this.way = way;
  }

  private play(track: MediaStreamTrack): void {
    if (this.played.has(track)) return;
    const element = document.createElement('video');
    element.muted = true;
    element.srcObject = new MediaStream([track]);
    this.played.set(track, element);
    void element.play();
  }

  /** The longest time without another frame of anybody's picture, over so long, in ms. */
  async longestDarkness(peer: string, lasts: number): Promise<number> {
    const until = performance.now() + lasts;
    let last = performance.now();
    let longest = 0;
    let seen = -1;
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const track = this.streams.get(peer)?.picture;
      const element = track ? this.played.get(track) : undefined;
      const frames = element ? element.getVideoPlaybackQuality().totalVideoFrames : -1;
      const which = `${track?.id ?? ''} ${frames}`.length * 1e6 + frames;
      if (frames >= 0 && which !== seen) {
        seen = which;
        last = performance.now();
      }
      longest = Math.max(longest, performance.now() - last);
    }
    return longest;
  }

  /** How many have a track of their picture, or voice, here. */
  count(what: keyof Streams): number {
    return [...this.streams.values()].filter((streams) => streams[what]?.readyState === 'live').length;
  }

  async share(): Promise<void> {
    const canvas = document.createElement('canvas');
    canvas.width = 1280;
    canvas.height = 720;
    const pen = canvas.getContext('2d')!;
    let step = 0;
    setInterval(() => {
      pen.fillStyle = '#fff';
      pen.fillRect(0, 0, 1280, 720);
      pen.fillStyle = '#000';
      pen.fillText(`regel ${(step += 1)}`, 40, 60);
    }, 200);
    const [screen] = canvas.captureStream(5).getVideoTracks();
    screen!.contentHint = 'text';
    this.own.screen = screen!;
    await this.way!.give({ screen: screen! });
  }
}

(window as unknown as { call: Call }).call = new Call();
document.title = 'ready';
