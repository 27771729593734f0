/**
 * The call as the page shows it, and what a button or key does in it. Everything that carries sound and picture is loaded when
 * somebody wants to join (`session.ts`): whoever only looks on does not pay for it.
 */
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { Id, Iso, OtherFrame, PeerState } from '../protocol';
import type { RoomStore } from '../room.svelte';
import type { RoomState } from '../state';
import { words } from '../words';
import { Roster, type Entry } from './roster';
import type { CallSession } from './session';
import type { PeerLink, Streams } from './way';

/** `back`: coming back after a cut. */
export type CallPhase = 'out' | 'preview' | 'joining' | 'in' | 'back';

export type DeviceKind = 'microphone' | 'camera' | 'loudspeaker';

export interface Device {
  id: string;
  label: string;
}

export type ProblemKind =
  // Of the devices
  | 'no_camera'
  | 'no_microphone'
  | 'refused'
  | 'taken'
  | 'unplugged'
  | 'insecure'
  | 'blocked'
  | 'screen'
  // Of the call
  | 'no_relay'
  | 'no_way'
  | 'server_gone'
  | 'full'
  | 'none'
  | 'over'
  | 'forbidden'
  | 'unavailable'
  | 'ended';

export interface Problem {
  kind: ProblemKind;
  /** Which device it is about, where it is about one. */
  device: DeviceKind | null;
  words: string;
}

export interface CallPeer extends PeerState {
  peer: Id;
  person: Id;
  name: string;
  discipline: string;
  organisation: Id;
  self: boolean;
  handAt: Iso | null;
  guest: boolean;
  /** May send; observers only listen. */
  speak: boolean;
  speaking: boolean;
  link: PeerLink;
  voice: MediaStreamTrack | null;
  /** The camera, while there is something of it to show. */
  picture: MediaStreamTrack | null;
  screenTrack: MediaStreamTrack | null;
}

export type HintName = 'sameRoom' | 'serverBetter' | 'mutedBy';

/** With more than this many in a mesh, sound comes first. */
export const MESH_WITH_PICTURE = 6;

export const CALL_FRAMES = ['call.ticket', 'call.refused', 'call.ended', 'call.gone', 'call.signal'] as const;

const NOTHING: Streams = { voice: null, picture: null, screen: null };

export class CallStore {
  phase = $state<CallPhase>('out');
  mic = $state(false);
  camera = $state(false);
  screen = $state(false);
  hand = $state(false);
  /** Sound only; by the person's wish, or by itself because the line is bad. */
  low = $state(false);
  lowByItself = $state(false);
  /** The key is held: the microphone is on for so long. */
  pushToTalk = $state(false);
  /** How loud it is at the own microphone, 0 to 1. */
  level = $state(0);
  devices = $state.raw<{ microphones: Device[]; cameras: Device[]; loudspeakers: Device[] }>({ microphones: [], cameras: [], loudspeakers: [] });
  /** Ids of the devices in use; empty: the browser's own choice. */
  chosen = $state.raw<Record<DeviceKind, string>>({ microphone: '', camera: '', loudspeaker: '' });
  problem = $state.raw<Problem | null>(null);
  /** What the own camera sees and the own screen shows, also in the preview. */
  ownPicture = $state.raw<MediaStreamTrack | null>(null);
  ownScreen = $state.raw<MediaStreamTrack | null>(null);
  /** Who is shown large: whoever speaks, or spoke last. */
  active = $state<Id | null>(null);
  /** The test sound is being played. */
  testing = $state(false);

  // Written by the session
  /** What this connection is called in the call; null outside of it. */
  me = $state<Id | null>(null);
  readonly streams = new SvelteMap<Id, Streams>();
  readonly links = new SvelteMap<Id, PeerLink>();
  readonly speaking = new SvelteSet<Id>();
  entries = $state.raw<Entry[]>([]);
  sameRoom = $state.raw<{ person: Id; name: string } | null>(null);
  mutedBy = $state<string | null>(null);

  private serverBetterPutOff = $state(false);
  private lastSharer = $state<Id | null>(null);
  private session: CallSession | null = null;
  private loading: Promise<CallSession> | null = null;
  private readonly roster = new Roster();
  private rosterTimer: ReturnType<typeof setTimeout> | undefined;
  private seenMute: Iso | null = null;

  constructor(readonly store: RoomStore) {}

  private readonly settings = $derived.by(() => this.store.room?.meeting.call ?? null);
  readonly way = $derived.by(() => this.settings?.way ?? 'none');
  readonly epoch = $derived.by(() => this.settings?.epoch ?? '');
  /** There is a call in this room, and this person may be in it. */
  readonly available = $derived.by(() => (this.way === 'mesh' || this.way === 'livekit') && this.store.can('call'));
  /** May send sound and picture; observers only listen. */
  readonly maySpeak = $derived.by(() => this.store.can('speak'));
  readonly mayMuteAll = $derived.by(() => this.inCall && this.store.can('run'));
  readonly link = $derived.by(() => this.settings?.link ?? null);
  readonly dialIn = $derived.by(() => this.settings?.dial_in ?? null);
  /** This site has a media server. */
  readonly server = $derived.by(() => this.settings?.server ?? false);
  readonly inCall = $derived.by(() => this.phase === 'in' || this.phase === 'back');
  /** So many that cameras stay off, on the way from browser to browser. */
  readonly soundFirst = $derived.by(() => this.way === 'mesh' && this.entries.length > MESH_WITH_PICTURE);

  /** Everybody in the call, oneself first. */
  readonly peers = $derived.by((): CallPeer[] => {
    const others = this.entries.filter((entry) => entry.peer !== this.me).map((entry) => this.shown(entry));
    const self = this.self;
    return self ? [self, ...others] : others;
  });
  /** Whose screen is shown. */
  readonly shared = $derived.by((): CallPeer | null => {
    const sharing = this.peers.filter((peer) => peer.screenTrack);
    return sharing.find((peer) => peer.peer === this.lastSharer) ?? sharing.find((peer) => !peer.self) ?? sharing[0] ?? null;
  });
  /** Hands that are up, the first one first. */
  readonly hands = $derived.by((): CallPeer[] =>
    this.peers.filter((peer) => peer.hand).sort((a, b) => (a.handAt ?? '~').localeCompare(b.handAt ?? '~') || a.name.localeCompare(b.name)),
  );
  readonly hints = $derived.by(() => ({
    sameRoom: this.sameRoom?.name ?? null,
    serverBetter: this.inCall && this.soundFirst && !this.serverBetterPutOff,
    mutedBy: this.mutedBy,
  }));

  private shown(entry: Entry): CallPeer {
    const { peer, person, name, discipline, organisation, mic, camera, screen, hand, low, guest, speak } = entry;
    const { voice, picture, screen: screenTrack } = this.streams.get(peer) ?? NOTHING;
    return {
      ...{ peer, person, name, discipline, organisation, mic, camera, screen, hand, low, guest, speak, voice },
      self: false,
      handAt: entry.hand_at,
      speaking: this.speaking.has(peer),
      link: this.links.get(peer) ?? 'connecting',
      picture: camera && !this.low && !this.soundFirst ? picture : null,
      screenTrack: screen && !this.low ? screenTrack : null,
    };
  }

  private readonly self = $derived.by((): CallPeer | null => {
    const { store, me } = this;
    if (!me || !store.you || this.phase === 'out' || this.phase === 'preview') return null;
    const known = this.entries.find((entry) => entry.peer === me);
    const { person, name, organisation, guest } = store.you;
    const { mic, camera, screen, hand, low } = this;
    return {
      ...{ peer: me, person, name, organisation, guest, mic, camera, screen, hand, low },
      discipline: known?.discipline ?? store.room?.people.find((each) => each.id === person)?.discipline ?? '',
      self: true,
      handAt: known?.hand_at ?? null,
      speak: this.maySpeak,
      speaking: mic && this.speaking.has(me),
      link: this.phase === 'in' ? 'connected' : 'connecting',
      voice: null,
      picture: camera ? this.ownPicture : null,
      screenTrack: screen ? this.ownScreen : null,
    };
  });

  // What comes in

  /** A frame came in. */
  heardState(before: RoomState | null, state: RoomState): void {
    const sharing = new Set(this.entries.filter((entry) => entry.screen).map((entry) => entry.peer));
    this.look(state);
    for (const entry of this.entries) if (entry.screen && !sharing.has(entry.peer)) this.lastSharer = entry.peer;
    this.hearMute(before === null, state);
    this.session?.heardState(state);
    if (this.phase === 'preview' && !this.available) this.leave();
  }

  private look(state: RoomState): void {
    clearTimeout(this.rosterTimer);
    const entries = this.roster.meet(state.room.people, Date.now());
    if (JSON.stringify(entries) !== JSON.stringify(this.entries)) this.entries = entries;
    const until = this.roster.until;
    if (until === null) return;
    this.rosterTimer = setTimeout(() => this.lookAgain(), Math.max(0, until - Date.now()) + 20);
  }

  private lookAgain(): void {
    const state = this.store.state;
    if (!state) return;
    this.look(state);
    this.session?.heardState(state);
  }

  /** The chair switched all microphones off: mine too, unless it was me. It may be switched on again. */
  private hearMute(first: boolean, { room, you }: RoomState): void {
    const { muted_at = null, muted_by = null } = room.meeting.call ?? {};
    const news = !first && muted_at !== null && muted_at > (this.seenMute ?? '');
    if (muted_at !== null) this.seenMute = muted_at;
    if (!news || muted_by === you.person || !this.mic || this.phase === 'out' || this.phase === 'preview') return;
    this.session?.switches.mute();
    this.mutedBy = room.people.find((person) => person.id === muted_by)?.name ?? words.somebody();
  }

  /** A frame of the call. */
  hear(frame: OtherFrame): void {
    const gone = frame.t === 'call.gone' && Array.isArray(frame['peers']) ? (frame['peers'] as Id[]) : [];
    const bye = frame.t === 'call.signal' && (frame['data'] as { kind?: unknown } | null)?.kind === 'bye' ? [String(frame['from'])] : [];
    if (gone.length || bye.length) {
      this.roster.gone([...gone, ...bye], Date.now());
      this.lookAgain();
    }
    this.session?.hear(frame);
  }

  /** The room's line came or went. */
  heardLine(connected: boolean, closed: boolean): void {
    if (closed) this.leave();
    else if (!connected) this.session?.lineDown();
  }

  /** A new line speaks. */
  lineUp(): void {
    this.session?.lineUp();
  }

  stop(): void {
    clearTimeout(this.rosterTimer);
    this.leave();
  }

  // What this person does

  /** Choose devices and look at oneself before going in. */
  async openPreview(): Promise<void> {
    if (this.phase !== 'out' || !this.available) return;
    this.problem = null;
    this.phase = 'preview';
    const session = await this.load();
    if (this.phase === 'preview') await session.preview();
  }

  /** Go in; what is not said stays as it is in the preview. */
  async join(wish: { mic?: boolean; camera?: boolean } = {}): Promise<void> {
    if ((this.phase !== 'out' && this.phase !== 'preview') || !this.available) return;
    this.problem = null;
    this.serverBetterPutOff = false;
    this.phase = 'joining';
    const session = await this.load();
    if (this.phase === 'joining') await session.join(wish);
  }

  /** Out of the call, or of the preview. */
  leave(): void {
    this.phase = 'out';
    this.session?.leave();
    this.session = null;
    this.loading = null;
  }

  async toggleMic(): Promise<void> {
    if (this.maySpeak) await this.session?.switches.switchMic(!this.mic);
  }

  async toggleCamera(): Promise<void> {
    if (this.maySpeak) await this.session?.switches.switchCamera(!this.camera);
  }

  async toggleScreen(): Promise<void> {
    if (this.maySpeak && this.inCall) await this.session?.switches.switchScreen(!this.screen);
  }

  toggleHand(): void {
    if (!this.inCall) return;
    this.hand = !this.hand;
    this.session?.tellState();
  }

  /** Sound only, or no longer. */
  toggleLow(): void {
    if (this.phase !== 'out') this.session?.switches.switchLow(!this.low);
  }

  /** Push to talk: the microphone is on while the key is held. */
  holdToTalk(down: boolean): void {
    if (this.maySpeak && this.inCall) void this.session?.switches.hold(down);
  }

  async choose(kind: DeviceKind, id: string): Promise<void> {
    const session = await this.load();
    await session.choose(kind, id);
  }

  async muteAll(): Promise<void> {
    if (this.mayMuteAll) await this.store.run('call.mute_all', {});
  }

  dismissHint(name: HintName): void {
    if (name === 'serverBetter') this.serverBetterPutOff = true;
    else if (name === 'mutedBy') this.mutedBy = null;
    else this.session?.dismissSameRoom();
  }

  dismissProblem(): void {
    this.problem = null;
  }

  /** The browser held the sound back until something is pressed: this was it. */
  async unblock(): Promise<void> {
    await this.session?.unblock();
  }

  /** Play a short sound on the chosen loudspeaker. */
  async testSound(): Promise<void> {
    const session = await this.load();
    await session.testSound();
  }

  /** Whether the pictures of the others can be seen on this page now: what nobody sees is not sent. */
  showPictures(shown: boolean): void {
    this.session?.showPictures(shown);
  }

  private load(): Promise<CallSession> {
    this.loading ??= import('./session').then(({ CallSession }) => (this.session = new CallSession(this)));
    return this.loading;
  }
}
