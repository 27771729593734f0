/**
 * A room with a call, without a server and without devices: sockets that answer as `meetings/room/calls.py` does, and
 * microphones, cameras and screens that can be plugged in, pulled out, refused and taken away.
 */
import { CHAIR, MEETING, MEMBER, aPerson, aRoom, organisationId, personId } from '../fixtures.testing';
import type { Id, MeetingCall, Patch, PeerState, Person, PersonCall, Room, You } from '../protocol';
import { RoomStore } from '../room.svelte';
import { Network } from './network.testing';

export class FakeTrack {
  enabled = true;
  muted = false;
  readyState: 'live' | 'ended' = 'live';
  contentHint = '';
  /** How loud it is, 0 to 1 as an amplitude. */
  loud = 0;
  onended: (() => void) | null = null;
  onmute: (() => void) | null = null;
  onunmute: (() => void) | null = null;

  constructor(
    readonly kind: 'audio' | 'video',
    readonly label: string,
    private readonly deviceId: string,
    private readonly size: { width: number; height: number } | null = null,
  ) {}

  get id(): string {
    return this.deviceId;
  }

  getSettings() {
    return { deviceId: this.deviceId, ...this.size };
  }

  stop(): void {
    this.readyState = 'ended';
  }

  /** As if its cable were pulled out. */
  end(): void {
    this.readyState = 'ended';
    this.onended?.();
  }
}

class FakeStream {
  constructor(private readonly tracks: FakeTrack[]) {}

  getTracks() {
    return this.tracks;
  }

  getAudioTracks() {
    return this.tracks.filter(({ kind }) => kind === 'audio');
  }

  getVideoTracks() {
    return this.tracks.filter(({ kind }) => kind === 'video');
  }
}

type Constraints = { audio?: { deviceId?: { exact: string } }; video?: { deviceId?: { exact: string } } };

/** What one browser has plugged in. */
export class Plugs {
  list: { kind: MediaDeviceKind; deviceId: string; label: string }[] = [
    { kind: 'audioinput', deviceId: 'mic1', label: 'Headset' },
    { kind: 'audioinput', deviceId: 'mic2', label: 'Table' },
    { kind: 'videoinput', deviceId: 'cam1', label: 'Lid' },
    { kind: 'audiooutput', deviceId: 'out1', label: 'Headset' },
    { kind: 'audiooutput', deviceId: 'out2', label: 'Wall' },
  ];
  /** Why a device cannot be had: a name of DOMException. */
  readonly faults = new Map<string, string>();
  screenFault: [string, string] | null = null;
  readonly asked: Constraints[] = [];
  readonly given: FakeTrack[] = [];
  private readonly changed = new Set<() => void>();

  readonly mediaDevices = {
    getUserMedia: async (constraints: Constraints) => {
      this.asked.push(constraints);
      const tracks: FakeTrack[] = [];
      if (constraints.audio) tracks.push(this.open('audioinput', constraints.audio.deviceId?.exact));
      if (constraints.video) tracks.push(this.open('videoinput', constraints.video.deviceId?.exact));
      this.given.push(...tracks);
      return new FakeStream(tracks);
    },
    getDisplayMedia: async () => {
      if (this.screenFault) throw new DOMException(this.screenFault[1], this.screenFault[0]);
      const track = new FakeTrack('video', 'Screen', 'screen', { width: 1920, height: 1080 });
      this.given.push(track);
      return new FakeStream([track]);
    },
    enumerateDevices: async () => this.list,
    addEventListener: (_name: string, changed: () => void) => this.changed.add(changed),
    removeEventListener: (_name: string, changed: () => void) => this.changed.delete(changed),
  };

  private open(kind: MediaDeviceKind, wanted: string | undefined): FakeTrack {
    const fault = this.faults.get(wanted ?? kind) ?? this.faults.get(kind);
    if (fault) throw new DOMException('', fault);
    const found = this.list.find((each) => each.kind === kind && (wanted === undefined || each.deviceId === wanted));
    if (!found) throw new DOMException('', wanted === undefined ? 'NotFoundError' : 'OverconstrainedError');
    const size = kind === 'videoinput' ? { width: 640, height: 360 } : null;
    return new FakeTrack(kind === 'videoinput' ? 'video' : 'audio', found.label, found.deviceId, size);
  }

  /** Pull a device out: it is not listed any more, and what it gave ends. */
  pull(deviceId: string): void {
    this.list = this.list.filter((each) => each.deviceId !== deviceId);
    for (const track of this.given) if (track.id === deviceId && track.readyState === 'live') track.end();
    for (const changed of this.changed) changed();
  }

  /** The newest live track of a device. */
  live(deviceId: string): FakeTrack | undefined {
    return [...this.given].reverse().find((track) => track.id === deviceId && track.readyState === 'live');
  }
}

/** What the browser around a page has, as far as the call asks it. Undone by `vi.unstubAllGlobals`. */
export function stubBrowser(stub: (name: string, value: unknown) => void, network: Network, plugs: Plugs): void {
  stub('RTCPeerConnection', function (configuration: RTCConfiguration) {
    return network.make(configuration);
  });
  stub('MediaStream', FakeStream);
  stub('navigator', Object.assign(Object.create(navigator) as object, { mediaDevices: plugs.mediaDevices, permissions: { query: async () => ({ state: 'prompt' }) } }));
  class FakeContext {
    state = 'running';
    createMediaStreamSource = (stream: FakeStream) => ({
      connect: (analyser: { track: FakeTrack | undefined }) => (analyser.track = stream.getTracks()[0]),
      disconnect: () => undefined,
    });
    close = async () => undefined;
    resume = async () => undefined;
  }
  stub('AudioContext', FakeContext);
  stub(
    'AnalyserNode',
    class {
      track: FakeTrack | undefined;
      getFloatTimeDomainData(samples: Float32Array): void {
        samples.fill(this.track?.loud ?? 0);
      }
    },
  );
}

/** One socket of the room. */
class FakeSocket {
  readyState: number = WebSocket.CONNECTING;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(
    private readonly room: CallRoom,
    readonly who: string,
  ) {}

  send(text: string): void {
    this.room.hear(this, JSON.parse(text) as Record<string, unknown>);
  }

  give(frame: object): void {
    if (this.readyState === WebSocket.OPEN) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  close(): void {
    this.readyState = WebSocket.CLOSED;
    this.room.left(this);
  }
}

export class CallRoom {
  readonly network = new Network();
  readonly heard: { who: string; message: Record<string, unknown> }[] = [];
  /** Refuse whoever wants to come in, with this code. */
  refuseWith: string | null = null;
  /** Nobody comes through. */
  down = false;
  /** Say nothing to those who ask for a ticket. */
  silent = false;
  ice: RTCIceServer[] = [];
  lasts = 600_000;
  readonly people: Record<string, You> = {
    a: { ...CHAIR, can: [...CHAIR.can, 'call', 'speak'] },
    b: { ...MEMBER, can: [...MEMBER.can, 'call', 'speak'] },
    c: { ...MEMBER, person: personId(3), name: 'dr. P. Persoon 3', can: ['call', 'speak'] },
    observer: { ...MEMBER, person: personId(4), name: 'Observer', can: ['call'] },
  };
  private room: Room;
  private seq = 1;
  private sockets: FakeSocket[] = [];
  private readonly inCall = new Map<FakeSocket, PersonCall>();
  private peers = 0;

  constructor(call: Partial<MeetingCall> = {}) {
    this.room = aRoom({ people: [1, 2, 3, 4].map((n) => aPerson(n, { calls: [] })) });
    this.room.meeting.state = 'running';
    this.room.meeting.call = { ...{ way: 'mesh', epoch: 'e1', muted_at: null, muted_by: null, link: null, dial_in: null, server: false }, ...call };
  }

  /** Somebody's page. */
  enter(who: string): RoomStore {
    const store = new RoomStore(MEETING, `ws://room/${who}`, { open: () => this.open(who) as unknown as WebSocket, random: () => 0.5 });
    store.start();
    return store;
  }

  private open(who: string): FakeSocket {
    const socket = new FakeSocket(this, who);
    setTimeout(() => {
      if (socket.readyState !== WebSocket.CONNECTING) return;
      if (this.down) {
        socket.readyState = WebSocket.CLOSED;
        socket.onclose?.({ code: 1006 });
        return;
      }
      socket.readyState = WebSocket.OPEN;
      this.sockets.push(socket);
      socket.onopen?.();
      socket.give({ t: 'snapshot', seq: this.seq, now: new Date().toISOString(), you: this.people[who], room: structuredClone(this.room) });
    }, 10);
    return socket;
  }

  left(socket: FakeSocket): void {
    this.sockets = this.sockets.filter((each) => each !== socket);
    if (this.inCall.delete(socket)) this.draw();
  }

  /** Every socket dies, and none comes through until `mend`. */
  cut(): void {
    this.down = true;
    for (const socket of [...this.sockets]) {
      socket.readyState = WebSocket.CLOSED;
      this.left(socket);
      socket.onclose?.({ code: 1006 });
    }
  }

  mend(): void {
    this.down = false;
  }

  happen(data: Patch): void {
    this.seq += 1;
    for (const socket of this.sockets) socket.give({ t: 'event', seq: this.seq, at: new Date().toISOString(), by: null, name: 'x', data: structuredClone(data) });
  }

  move(call: Partial<MeetingCall>): void {
    this.room.meeting = { ...this.room.meeting, call: { ...this.room.meeting.call!, ...call } };
    this.happen({ meeting: this.room.meeting });
  }

  /** Say something to one person's page. */
  tell(who: string, frame: object): void {
    for (const socket of this.sockets) if (socket.who === who) socket.give(frame);
  }

  private draw(): void {
    const of = (person: Id) => [...this.inCall].filter(([socket]) => this.people[socket.who]!.person === person).map(([, call]) => call);
    this.room.people = this.room.people.map((person): Person => ({ ...person, calls: of(person.id) }));
    this.happen({ people: this.room.people });
  }

  said(what: string, who?: string): Record<string, unknown>[] {
    return this.heard.filter((each) => each.message['do'] === what && (who === undefined || each.who === who)).map(({ message }) => message);
  }

  hear(socket: FakeSocket, message: Record<string, unknown>): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    this.heard.push({ who: socket.who, message });
    const you = this.people[socket.who]!;
    switch (message['do']) {
      case 'ping':
        socket.give({ t: 'head', seq: this.seq, now: new Date().toISOString() });
        break;
      case 'call.join':
      case 'call.ticket':
        setTimeout(() => this.admit(socket, message, you), 10);
        break;
      case 'call.state': {
        const call = this.inCall.get(socket);
        const state = message['state'] as PeerState;
        if (call) this.inCall.set(socket, { ...call, ...state, hand_at: state.hand ? (call.hand_at ?? new Date().toISOString()) : null });
        this.draw();
        break;
      }
      case 'call.leave':
        if (this.inCall.delete(socket)) this.draw();
        break;
      case 'call.signal': {
        const from = this.inCall.get(socket)?.peer;
        const target = [...this.inCall].find(([, call]) => call.peer === message['to'])?.[0];
        if (from) setTimeout(() => target?.give({ t: 'call.signal', from, data: message['data'] }), 10);
        break;
      }
      case 'call.mute_all':
        this.move({ muted_at: new Date().toISOString(), muted_by: you.person });
        socket.give({ t: 'ack', id: message['id'], seq: this.seq });
        break;
    }
  }

  private admit(socket: FakeSocket, message: Record<string, unknown>, you: You): void {
    if (this.silent) return;
    if (this.refuseWith) {
      socket.give({ t: 'call.refused', id: message['id'], code: this.refuseWith, message: `Refused: ${this.refuseWith}.` });
      return;
    }
    const peer = this.inCall.get(socket)?.peer ?? ((message['peer'] as Id | null) || `peer${++this.peers}`);
    const speak = you.can.includes('speak');
    const { way, epoch } = this.room.meeting.call!;
    const expires_at = new Date(Date.now() + this.lasts).toISOString();
    socket.give({ t: 'call.ticket', id: message['id'], way, peer, epoch, speak, expires_at, ice: this.ice, relay_only: you.guest });
    if (message['do'] !== 'call.join') return;
    const state = message['state'] as PeerState;
    this.inCall.set(socket, { ...state, peer, guest: you.guest, speak, since: new Date().toISOString(), hand_at: state.hand ? new Date().toISOString() : null });
    this.draw();
  }
}

export { organisationId };
