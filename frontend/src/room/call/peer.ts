/**
 * One line to one other browser, and coming back. Three places are agreed upon once (voice, picture, screen); what is sent on
 * them changes without another word. The one with the greater name leads: it offers, and the other one asks it to begin again.
 * So two offers meet only when the leader kept silent, and then whoever follows starts over with theirs: a description is
 * never rolled back, since Chromium shows no picture after that. What is said may get lost, come late or twice: an offer is
 * said again until it is answered, an answer is taken for its own offer only, and where nothing helps the line is built anew,
 * which the other side sees by the session of the description.
 */
import type { CandidateLine, Id, SignalData } from '../protocol';
import { climbed, PICTURES_UP_TO, planFor, TOP, type Picture } from './quality';
import { answered, answering, sessionOf, ufragOf, wishingForOpus } from './sdp';
import { Meter } from './stats';
import type { OwnTracks, PeerLink, Quality, RemotePeer, Streams } from './way';

/** All in ms. */
/** Whoever follows asks when nothing came, and begins by itself when nothing comes. */
const ASKS_AFTER = 1_000;
export const BEGINS_ALONE = 3_000;
/** A leader that says nothing for so long, while the line is lost, does not lead. */
const LEADER_SILENT = 9_000;
/** An offer without an answer is said again. */
export const AGAIN_AFTER = 2_000;
/** A line that flickered is given a moment. */
const FLICKER = 2_000;
/** A fresh attempt is given this long; after a minute in vain each one longer, up to so many times. */
const ATTEMPT = 3_500;
const MOST_PATIENT = 4;
/** An offer that was just said is not said again because it was asked for. */
const JUST_SAID = 300;
/** So many attempts on one RTCPeerConnection, and so many offers without an answer, until it is built anew. */
const TRIES = 3;
/** A line that was never there is called lost after this long. */
const GIVEN = 15_000;
const BATCH_WITHIN = 40;
export const BATCH_AT_MOST = 32;
const EARLY_AT_MOST = 96;

/** How things stand beside this one line. */
export interface Around {
  readonly me: Id;
  readonly speak: boolean;
  readonly own: OwnTracks;
  readonly peers: number;
  readonly low: boolean;
  /** In how many lines the picture of this peer is of use here; 0: not at all. */
  wants(peer: Id): number;
  configuration(relayOnly: boolean): RTCConfiguration;
  make(configuration: RTCConfiguration): RTCPeerConnection;
  say(to: Id, data: SignalData): boolean;
  /** How many candidates may be said now. */
  allowed(wanted: number): number;
  onStreams(peer: Id, streams: Streams): void;
  onLink(peer: Id, link: PeerLink): void;
}

type Place = keyof Streams;
const PLACES: readonly Place[] = ['voice', 'picture', 'screen'];

export class Peer {
  link: PeerLink = 'connecting';
  lostSince: number | null = null;
  private pc!: RTCPeerConnection;
  private readonly leads: boolean;
  private readonly born = Date.now();
  private heardAt = Date.now();
  private asked = 0;
  private queue: Promise<void> = Promise.resolve();
  private closed = false;
  /** Something was said or heard on this RTCPeerConnection. */
  private begun = false;
  private theirs: string | null = null;
  /** Our offer was said again because theirs came instead of an answer. */
  private insisted = false;
  private readonly dead = new Set<string>();
  private said = { at: 0, times: 0, reached: true };
  private triedAt = 0;
  private tries = 0;
  private flickered: number | null = null;
  private early: CandidateLine[] = [];
  private found: CandidateLine[] = [];
  private batch: ReturnType<typeof setTimeout> | undefined;
  private transceivers: Partial<Record<Place, RTCRtpTransceiver>> = {};
  private ladder = TOP;
  private meter = new Meter();
  /** What the other one can use of our picture, and what we told them of theirs; whoever begins anew assumes the first of these. */
  private want = { picture: true, height: 360 };
  private told = 360;

  constructor(
    private readonly around: Around,
    public remote: RemotePeer,
    private readonly relayOnly: boolean,
  ) {
    this.leads = around.me > remote.peer;
    this.build();
    if (this.leads) void this.offer(false);
  }

  // The line

  private build(): void {
    const pc = this.around.make(this.around.configuration(this.relayOnly));
    this.pc = pc;
    this.begun = this.insisted = false;
    this.theirs = null;
    this.transceivers = {};
    this.meter = new Meter();
    this.early = [];
    this.found = [];
    this.said = { at: 0, times: 0, reached: true };
    pc.onicecandidate = ({ candidate }) => {
      if (pc === this.pc) this.foundCandidate(candidate);
    };
    pc.onconnectionstatechange = pc.oniceconnectionstatechange = () => {
      if (pc === this.pc) this.look();
    };
  }

  private rebuild(): void {
    if (this.theirs !== null) this.dead.add(this.theirs);
    this.pc.close();
    this.build();
    this.tries = 0;
    this.triedAt = Date.now();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.batch);
    this.pc.onicecandidate = this.pc.onconnectionstatechange = this.pc.oniceconnectionstatechange = null;
    this.pc.close();
  }

  /** One thing after another: what is said depends on what was heard before. A line on which something fails begins anew. */
  private run(task: () => Promise<void>): Promise<void> {
    const done = this.queue.then(async () => {
      if (this.closed) return;
      try {
        await task();
      } catch {
        if (this.closed) return;
        this.tries = TRIES;
        this.triedAt = Date.now();
      }
    });
    this.queue = done;
    return done;
  }

  private get direction(): RTCRtpTransceiverDirection {
    const [gives, takes] = [this.around.speak, this.remote.speak];
    return gives && takes ? 'sendrecv' : gives ? 'sendonly' : takes ? 'recvonly' : 'inactive';
  }

  private offer(restart: boolean): Promise<void> {
    return this.run(async () => {
      const pc = this.pc;
      if (pc.signalingState !== 'stable' && pc.signalingState !== 'have-local-offer') return;
      if (!restart && this.begun) return; // Theirs came first.
      if (!pc.getTransceivers().length) {
        const { direction } = this;
        for (const place of PLACES) this.transceivers[place] = pc.addTransceiver(place === 'voice' ? 'audio' : 'video', { direction });
        await this.fill();
      }
      if (restart) {
        pc.restartIce();
        this.found = [];
      }
      await pc.setLocalDescription();
      this.said.times = 0;
      this.saySelf();
    });
  }

  /** Tell the other side how it stands here: the offer, or the answer to theirs. */
  private saySelf(): void {
    const { localDescription, remoteDescription } = this.pc;
    if (!localDescription) return;
    this.begun = true;
    const type = localDescription.type === 'answer' ? 'answer' : 'offer';
    let sdp = wishingForOpus(localDescription.sdp);
    if (type === 'answer') sdp = answering(sdp, remoteDescription?.sdp ?? '');
    const reached = this.around.say(this.remote.peer, { kind: 'description', type, sdp });
    this.said = { at: Date.now(), times: this.said.times + (reached ? 1 : 0), reached };
    this.triedAt = Date.now();
  }

  hear(data: SignalData): void {
    switch (data.kind) {
      case 'description':
        void this.run(() => (data.type === 'offer' ? this.hearOffer(data.sdp) : this.hearAnswer(data.sdp)));
        break;
      case 'candidates':
        void this.run(() => this.hearCandidates(data.candidates));
        break;
      case 'want':
        this.want = { picture: data.picture, height: data.height };
        void this.run(() => this.fill());
        break;
      case 'again':
        void this.run(() => this.hearAgain(data.rebuild));
        break;
      case 'bye':
        break;
    }
  }

  /** The other one asks us to begin again: from the start if they wish, or by another way through the network. */
  private async hearAgain(rebuild: boolean): Promise<void> {
    if (!this.leads) return;
    const offering = this.pc.signalingState === 'have-local-offer';
    if (rebuild && this.theirs !== null) {
      this.rebuild();
      void this.offer(false);
    } else if (!this.begun) void this.offer(false);
    else if (!offering) void this.offer(true);
    else if (Date.now() - this.said.at > JUST_SAID) this.saySelf();
  }

  private askAgain(rebuild: boolean): void {
    this.asked = this.triedAt = Date.now();
    this.around.say(this.remote.peer, { kind: 'again', rebuild });
  }

  private async hearOffer(sdp: string): Promise<void> {
    const session = sessionOf(sdp);
    if (this.dead.has(session)) return;
    this.heardAt = Date.now();
    if (this.theirs !== null && this.theirs !== session) {
      this.rebuild(); // They began anew.
    } else if (this.pc.signalingState === 'have-local-offer') {
      if (this.leads) {
        if (Date.now() - this.said.at > JUST_SAID) this.insist();
        return;
      }
      this.rebuild();
    }
    const pc = this.pc;
    await pc.setRemoteDescription({ type: 'offer', sdp });
    this.settle(session);
    const { direction } = this;
    const places = pc.getTransceivers().filter((each) => each.mid !== null);
    places.forEach((transceiver, at) => (transceiver.direction = at < PLACES.length ? direction : 'inactive'));
    PLACES.forEach((place, at) => {
      const transceiver = places[at];
      const fits = transceiver?.receiver.track.kind === (place === 'voice' ? 'audio' : 'video');
      if (transceiver && fits) this.transceivers[place] = transceiver;
    });
    await this.fill();
    await pc.setLocalDescription();
    this.said.times = 0;
    this.saySelf();
    await this.takeEarly();
    this.showStreams();
  }

  /** Theirs met ours. Ours stands, and is said again: it may have got lost. Where that was in vain, it is one that they gave up and hear no more. */
  private insist(): void {
    if (this.insisted) {
      this.rebuild();
      void this.offer(false);
    } else {
      this.insisted = true;
      this.saySelf();
    }
  }

  private async hearAnswer(text: string): Promise<void> {
    const { offer, sdp } = answered(text);
    const pc = this.pc;
    if (pc.signalingState !== 'have-local-offer' || (offer && ufragOf(pc.localDescription?.sdp ?? '') !== offer)) return;
    const session = sessionOf(sdp);
    if (this.dead.has(session)) return;
    this.heardAt = Date.now();
    if (this.theirs !== null && this.theirs !== session) {
      this.rebuild();
      void this.offer(false);
      return;
    }
    await pc.setRemoteDescription({ type: 'answer', sdp });
    this.settle(session);
    await this.fill();
    await this.takeEarly();
    this.showStreams();
  }

  private settle(session: string): void {
    this.begun = true;
    this.insisted = false;
    if (this.theirs !== session && this.told !== 360) this.told = -1;
    this.theirs = session;
    this.tellWant();
  }

  // Candidates

  private foundCandidate(candidate: RTCIceCandidate | null): void {
    if (!candidate) return;
    const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
    this.found.push({ candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment });
    if (this.found.length >= BATCH_AT_MOST) this.sayFound();
    else this.batch ??= setTimeout(() => this.sayFound(), BATCH_WITHIN);
  }

  private sayFound(): void {
    clearTimeout(this.batch);
    this.batch = undefined;
    if (!this.found.length) return;
    const allowed = this.around.allowed(Math.min(this.found.length, BATCH_AT_MOST));
    const candidates = this.found.splice(0, allowed);
    // Without a line they are gone; the description that is said again holds them all.
    if (candidates.length) this.around.say(this.remote.peer, { kind: 'candidates', candidates });
    if (this.found.length && !this.closed) this.batch = setTimeout(() => this.sayFound(), allowed ? BATCH_WITHIN : 500);
  }

  private async hearCandidates(candidates: CandidateLine[]): Promise<void> {
    if (!this.pc.remoteDescription) {
      this.early = [...this.early, ...candidates].slice(-EARLY_AT_MOST);
      return;
    }
    for (const candidate of candidates) {
      // One of an earlier attempt, or none at all: the others count.
      await this.pc.addIceCandidate(candidate).catch(() => undefined);
    }
  }

  private async takeEarly(): Promise<void> {
    const early = this.early;
    this.early = [];
    await this.hearCandidates(early);
  }

  // Being there, and coming back

  private look(): void {
    const { connectionState, iceConnectionState } = this.pc;
    const up = connectionState === 'connected' && iceConnectionState !== 'disconnected' && iceConnectionState !== 'failed';
    if (up) {
      this.tries = this.said.times = 0;
      this.flickered = this.lostSince = null;
    } else if (this.link === 'connected') {
      this.flickered ??= Date.now();
      if (iceConnectionState !== 'disconnected' || Date.now() - this.flickered >= FLICKER) this.lostSince ??= Date.now();
      else return;
    }
    const link = up ? 'connected' : this.lostSince !== null || Date.now() - this.born >= GIVEN ? 'lost' : this.link;
    if (link === this.link) return;
    this.link = link;
    this.around.onLink(this.remote.peer, link);
  }

  /** Look after the line, some times a second. */
  tick(): void {
    const at = Date.now();
    this.look();
    if (!this.begun) {
      if (at - this.born >= BEGINS_ALONE) void this.offer(false);
      else if (!this.leads && !this.asked && at - this.born >= ASKS_AFTER) this.askAgain(true);
      return;
    }
    if (this.pc.signalingState === 'have-local-offer') {
      if (at - this.said.at < AGAIN_AFTER) return;
      if (this.said.times > TRIES) this.anew();
      else this.saySelf();
      return;
    }
    if (this.link === 'connected' && this.flickered === null) return;
    const { iceConnectionState, connectionState } = this.pc;
    const failed = iceConnectionState === 'failed' || connectionState === 'failed';
    const minutes = (at - (this.lostSince ?? this.born)) / 60_000;
    const patience = Math.min(MOST_PATIENT, Math.max(1, minutes));
    const given = patience * (failed || iceConnectionState === 'disconnected' ? FLICKER : ATTEMPT);
    if (at - Math.max(this.triedAt, this.flickered ?? 0) < given) return;
    this.tries += 1;
    const rebuild = this.tries % (TRIES + 1) === 0;
    if (this.leads) {
      if (rebuild) this.anew();
      else void this.offer(true);
    } else if (at - this.heardAt >= LEADER_SILENT) {
      this.heardAt = at;
      this.anew();
    } else this.askAgain(rebuild);
  }

  private anew(): void {
    const { tries } = this;
    void this.run(async () => this.rebuild());
    void this.offer(false).then(() => (this.tries = Math.max(this.tries, tries)));
  }

  /** The network changed: find another way through it now, however well the old one still looks. */
  restart(): void {
    this.tries = 0;
    if (!this.leads) this.askAgain(false);
    else if (this.begun) void this.offer(true);
    else void this.offer(false);
  }

  /** The line to the server is back: what could not be said is said, what is not connected is tried anew. */
  again(): void {
    this.tellWant();
    if (this.begun && this.pc.signalingState === 'have-local-offer') void this.run(async () => this.saySelf());
    else if (this.begun && (this.link !== 'connected' || !this.said.reached || this.flickered !== null)) this.restart();
  }

  /** Fresh credentials for the relay. */
  renew(): void {
    this.pc.setConfiguration(this.around.configuration(this.relayOnly));
  }

  // What is sent

  /** The other side is told what of its picture is of use here; only when it is another than before. */
  tellWant(): void {
    const height = this.around.wants(this.remote.peer);
    if (this.theirs === null || height === this.told || this.around.peers > PICTURES_UP_TO) return;
    if (this.around.say(this.remote.peer, { kind: 'want', picture: height > 0, height })) this.told = height;
  }

  /** Own tracks, wishes or the other's state changed. */
  refresh(remote: RemotePeer = this.remote): void {
    const spoke = this.remote.speak;
    this.remote = remote;
    if (spoke !== remote.speak && this.leads) this.anew();
    this.tellWant();
    void this.run(() => this.fill());
  }

  /** Put what is to be sent on the three places, in the size that the line carries. */
  private async fill(): Promise<void> {
    const { own, peers, low, speak } = this.around;
    const sharing = own.screen !== null;
    const plan = planFor({ peers, step: this.ladder.step, low, theyLow: this.remote.low, ...this.want, sharing });
    const { voice, picture, screen } = this.transceivers;
    if (voice) await put(voice.sender, speak ? own.voice : null, { maxBitrate: plan.voiceKbps * 1000, priority: 'high', networkPriority: 'high' });
    if (picture) await put(picture.sender, speak && plan.picture ? own.picture : null, encoding(own.picture, plan.picture, 'low'));
    if (screen) await put(screen.sender, speak && plan.screen ? own.screen : null, encoding(own.screen, plan.screen, 'medium'));
  }

  private showStreams(): void {
    const of = (place: Place) => (this.remote.speak ? (this.transceivers[place]?.receiver.track ?? null) : null);
    this.around.onStreams(this.remote.peer, { voice: of('voice'), picture: of('picture'), screen: of('screen') });
  }

  async measure(): Promise<Quality | null> {
    const pc = this.pc;
    if (this.closed || this.link !== 'connected' || this.flickered !== null) {
      // What is lost in a cut says nothing of the line after it.
      this.meter = new Meter();
      return null;
    }
    const line = this.meter.read(await pc.getStats());
    if (!line || this.closed || pc !== this.pc) return null;
    const { step } = this.ladder;
    this.ladder = climbed(this.ladder, line, Date.now());
    if (step !== this.ladder.step) void this.run(() => this.fill());
    return line;
  }
}

/** The shorter side of what a track shows: pictures of telephones stand upright. */
function linesOf(track: MediaStreamTrack | null): number {
  const { width, height } = track?.getSettings() ?? {};
  return Math.min(width ?? Infinity, height ?? Infinity);
}

function encoding(track: MediaStreamTrack | null, plan: Picture | null, priority: RTCPriorityType): Partial<RTCRtpEncodingParameters> {
  if (!plan) return {};
  const lines = linesOf(track);
  const scale = Number.isFinite(lines) ? Math.max(1, lines / plan.height) : 1;
  return { maxBitrate: plan.kbps * 1000, maxFramerate: plan.fps, scaleResolutionDownBy: scale, priority, networkPriority: priority };
}

async function put(sender: RTCRtpSender, track: MediaStreamTrack | null, wished: Partial<RTCRtpEncodingParameters>): Promise<void> {
  if (sender.track !== track) await sender.replaceTrack(track);
  const parameters = sender.getParameters();
  const first = parameters.encodings?.[0];
  if (!track || !first) return;
  const same = (Object.keys(wished) as (keyof RTCRtpEncodingParameters)[]).every((name) => first[name] === wished[name]);
  if (same) return;
  Object.assign(first, wished);
  // A browser that does not know one of these keeps its own measure.
  await sender.setParameters(parameters).catch(() => undefined);
}
