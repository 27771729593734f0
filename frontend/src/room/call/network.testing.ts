/**
 * A network that holds made-up RTCPeerConnections: descriptions, candidates, glare and restarts follow the rules of the real
 * ones (JSEP), a picture is a track's name, and cables can be pulled. What it does not know, it refuses.
 */
import type { SignalData } from '../protocol';

let counter = 0;

class InvalidState extends Error {}

export interface FakeTrack {
  kind: 'audio' | 'video';
  id: string;
  getSettings(): { width?: number; height?: number };
}

export const aTrack = (kind: 'audio' | 'video', height = 360): MediaStreamTrack =>
  ({ kind, id: `${kind}${++counter}`, getSettings: () => (kind === 'video' ? { width: (height * 16) / 9, height } : {}) }) as unknown as MediaStreamTrack;

class FakeSender {
  track: MediaStreamTrack | null = null;
  parameters: { encodings: Record<string, unknown>[] } = { encodings: [{}] };

  async replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.track = track;
  }

  getParameters() {
    return structuredClone(this.parameters);
  }

  async setParameters(parameters: { encodings: Record<string, unknown>[] }): Promise<void> {
    this.parameters = structuredClone(parameters);
  }
}

export class FakeTransceiver {
  mid: string | null = null;
  direction: RTCRtpTransceiverDirection = 'recvonly';
  readonly sender = new FakeSender();
  readonly receiver: { track: MediaStreamTrack };

  constructor(readonly kind: 'audio' | 'video') {
    this.receiver = { track: aTrack(kind) };
  }
}

export class FakeConnection {
  signalingState: RTCSignalingState = 'stable';
  connectionState: RTCPeerConnectionState = 'new';
  iceConnectionState: RTCIceConnectionState = 'new';
  localDescription: RTCSessionDescription | null = null;
  remoteDescription: RTCSessionDescription | null = null;
  onicecandidate: ((event: { candidate: RTCIceCandidate | null }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  oniceconnectionstatechange: (() => void) | null = null;
  readonly session = `${1000 + ++counter}`;
  ufrag = '';
  theirUfrag = '';
  theirCandidates = 0;
  private version = 0;
  private packets = 0;
  private wantsRestart = false;
  private transceivers: FakeTransceiver[] = [];

  constructor(
    private readonly network: Network,
    readonly configuration: RTCConfiguration,
  ) {
    network.connections.push(this);
  }

  private get open(): boolean {
    return this.signalingState !== 'closed';
  }

  getTransceivers(): FakeTransceiver[] {
    return [...this.transceivers];
  }

  addTransceiver(kind: 'audio' | 'video', { direction }: { direction: RTCRtpTransceiverDirection }): FakeTransceiver {
    const made = new FakeTransceiver(kind);
    made.direction = direction;
    this.transceivers.push(made);
    return made;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    if (configuration.bundlePolicy !== this.configuration.bundlePolicy) throw new InvalidState('another bundlePolicy');
    Object.assign(this.configuration, configuration);
  }

  restartIce(): void {
    this.wantsRestart = true;
  }

  private description(type: RTCSdpType): RTCSessionDescription {
    const lines = ['v=0', `o=- ${this.session} ${++this.version} IN IP4 127.0.0.1`, 's=-', 't=0 0'];
    for (const { kind, mid, direction } of this.transceivers) {
      lines.push(`m=${kind} 9 UDP/TLS/RTP/SAVPF 111`, 'c=IN IP4 0.0.0.0', `a=ice-ufrag:${this.ufrag}`, `a=mid:${mid}`, `a=${direction}`);
      if (kind === 'audio') lines.push('a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1');
    }
    return { type, sdp: `${lines.join('\r\n')}\r\n` } as RTCSessionDescription;
  }

  async setLocalDescription(): Promise<void> {
    await Promise.resolve();
    if (!this.open) throw new InvalidState('closed');
    if (this.signalingState === 'have-remote-offer') {
      this.localDescription = this.description('answer');
      this.signalingState = 'stable';
    } else {
      const fresh = this.wantsRestart || !this.ufrag;
      if (fresh) this.ufrag = `u${++counter}`;
      this.wantsRestart = false;
      this.transceivers.forEach((each, at) => (each.mid ??= `${at}`));
      this.localDescription = this.description('offer');
      this.signalingState = 'have-local-offer';
      if (fresh) this.gather();
    }
    this.network.settle();
  }

  async setRemoteDescription({ type, sdp }: { type: string; sdp: string }): Promise<void> {
    await Promise.resolve();
    if (!this.open) throw new InvalidState('closed');
    if (/x-mdo/.test(sdp)) throw new Error('a line that no browser knows');
    const kinds = [...sdp.matchAll(/^m=(audio|video)/gm)].map((found) => found[1] as 'audio' | 'video');
    const ufrag = /^a=ice-ufrag:(\S+)/m.exec(sdp)![1]!;
    if (type === 'offer') {
      // Chromium takes it, rolls its own offer back, and shows no picture from then on.
      if (this.signalingState === 'have-local-offer') throw new InvalidState('two offers met');
      const placed = this.transceivers.filter((each) => each.mid !== null);
      kinds.forEach((kind, at) => {
        if (placed[at] && placed[at].kind !== kind) throw new Error('places do not fit');
        if (placed[at]) return;
        const made = new FakeTransceiver(kind);
        made.mid = `${at}`;
        this.transceivers.push(made);
      });
      if (ufrag !== this.theirUfrag || !this.ufrag) {
        this.ufrag = `u${++counter}`;
        this.gather();
      }
      this.signalingState = 'have-remote-offer';
    } else {
      if (this.signalingState !== 'have-local-offer') throw new InvalidState(`an answer in ${this.signalingState}`);
      if (kinds.length !== this.transceivers.length) throw new Error('places do not fit');
      this.signalingState = 'stable';
    }
    if (ufrag !== this.theirUfrag) this.theirCandidates = 0;
    this.theirUfrag = ufrag;
    this.remoteDescription = { type, sdp } as RTCSessionDescription;
    this.network.settle();
  }

  async addIceCandidate({ usernameFragment }: { usernameFragment?: string | null }): Promise<void> {
    await Promise.resolve();
    if (!this.remoteDescription) throw new InvalidState('no description yet');
    if (usernameFragment !== this.theirUfrag) throw new Error('of another attempt');
    this.theirCandidates += 1;
    this.network.settle();
  }

  private gather(): void {
    const { ufrag } = this;
    const kinds = this.configuration.iceTransportPolicy === 'relay' ? ['relay'] : ['host', 'srflx'];
    if (kinds[0] === 'relay' && !this.configuration.iceServers?.length) return;
    kinds.forEach((kind, at) =>
      setTimeout(() => {
        if (!this.open || ufrag !== this.ufrag) return;
        const candidate = `candidate:${at} 1 udp 1 192.0.2.${at + 1} 9 typ ${kind}`;
        this.onicecandidate?.({ candidate: { candidate, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: ufrag } as RTCIceCandidate });
      }, 5 * at),
    );
  }

  become(state: RTCIceConnectionState): void {
    if (this.iceConnectionState === state) return;
    this.iceConnectionState = state;
    this.connectionState = state === 'checking' ? 'connecting' : state === 'completed' ? 'connected' : (state as RTCPeerConnectionState);
    this.oniceconnectionstatechange?.();
    this.onconnectionstatechange?.();
  }

  async getStats(): Promise<Map<string, unknown>> {
    const all = (this.packets += 100);
    const packetsLost = Math.round(all * this.network.loss);
    return new Map([['in', { type: 'inbound-rtp', id: 'in', packetsLost, packetsReceived: all - packetsLost }]]);
  }

  close(): void {
    this.signalingState = 'closed';
    this.iceConnectionState = 'closed';
    this.connectionState = 'closed';
    this.network.connections = this.network.connections.filter((each) => each !== this);
    this.network.settle();
  }
}

/** All in ms, as browsers have it. */
const NOTICED_AFTER = 3_000;
const FAILED_AFTER = 15_000;

export class Network {
  connections: FakeConnection[] = [];
  up = true;
  /** The share of packets that gets lost. */
  loss = 0;
  made = 0;
  private readonly cuts = new Map<FakeConnection, ReturnType<typeof setTimeout>>();

  readonly make = (configuration: RTCConfiguration): RTCPeerConnection => {
    this.made += 1;
    return new FakeConnection(this, { ...configuration }) as unknown as RTCPeerConnection;
  };

  /** Whom a connection has agreed with, each by the other's name of this attempt. */
  private partner(one: FakeConnection): FakeConnection | undefined {
    return this.connections.find(
      (other) => other !== one && one.theirUfrag && other.ufrag === one.theirUfrag && other.theirUfrag === one.ufrag && one.theirCandidates + other.theirCandidates > 0,
    );
  }

  settle(): void {
    for (const one of this.connections) {
      const partner = one.signalingState === 'stable' || one.iceConnectionState !== 'new' ? this.partner(one) : undefined;
      const flows = this.up && partner !== undefined;
      if (flows) {
        clearTimeout(this.cuts.get(one));
        this.cuts.delete(one);
        one.become('connected');
      } else if (one.iceConnectionState === 'connected' || one.iceConnectionState === 'disconnected') {
        if (!this.cuts.has(one)) this.cuts.set(one, setTimeout(() => this.cut(one), NOTICED_AFTER));
      } else if (one.remoteDescription && one.localDescription && one.iceConnectionState === 'new') {
        one.become('checking');
      }
    }
  }

  private cut(one: FakeConnection): void {
    if (!this.connections.includes(one)) return;
    one.become('disconnected');
    this.cuts.set(
      one,
      setTimeout(() => {
        this.cuts.delete(one);
        if (this.connections.includes(one)) one.become('failed');
      }, FAILED_AFTER),
    );
  }

  pull(): void {
    this.up = false;
    this.settle();
  }

  plug(): void {
    this.up = true;
    this.settle();
  }
}

/** A line from each browser to each other one, as the room's socket is: in order, late, and gone while it is cut. */
export class Wire {
  up = true;
  heard: { from: string; to: string; data: SignalData }[] = [];
  /** What is said passes by here: how often it arrives. */
  fate: (data: SignalData, from: string) => number = () => 1;
  private readonly ends = new Map<string, (from: string, data: SignalData) => void>();

  plug(id: string, hear: (from: string, data: SignalData) => void): void {
    this.ends.set(id, hear);
  }

  say(from: string, to: string, data: SignalData): boolean {
    if (!this.up) return false;
    this.heard.push({ from, to, data });
    for (let copies = this.fate(data, from); copies > 0; copies--) {
      setTimeout(() => {
        if (this.up) this.ends.get(to)?.(from, structuredClone(data));
      }, 20);
    }
    return true;
  }
}
