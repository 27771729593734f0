/** One room of the media server, from coming in to leaving: what is given into it, what comes out of it, and whether it is alive. */
import {
  DisconnectReason,
  ExternalE2EEKeyProvider,
  ParticipantKind,
  Room,
  RoomEvent,
  setLogLevel,
  Track,
  VideoPresets,
  VideoQuality,
  type RemoteParticipant,
  type RoomOptions,
  type TrackPublishOptions,
} from 'livekit-client';
import type { Id, Ticket } from '../protocol';
import { release, shadowOf } from './shadow';
import { Flow, Meter } from './stats';
import type { OwnTracks, Quality, Streams, Wishes } from './way';

setLogLevel('silent');

/** All in ms. The library tries to resume a line for so long; then another server may be tried. */
const RESUMED_WITHIN = 1_500;
const RESUMED_WITHIN_ALONE = 6_000;
const SOCKET_WITHIN = 4_000;
const MEDIA_WITHIN = 8_000;
/** From a living server something comes every two or three seconds, were it only that it still listens. */
export const SILENT_AFTER = 4_000;

/** With up to so many everybody is sent large, beyond that whoever speaks. */
const ALL_LARGE = 3;

type Place = keyof OwnTracks;
const PLACES: readonly Place[] = ['voice', 'screen', 'picture'];

/** Sound comes first, then a screen with sharp text, then cameras. */
const HOW: Record<Place, TrackPublishOptions> = {
  voice: { source: Track.Source.Microphone, dtx: true, red: true, forceStereo: false, audioPreset: { maxBitrate: 32_000, priority: 'high' } },
  screen: {
    source: Track.Source.ScreenShare,
    simulcast: false,
    backupCodec: false,
    screenShareEncoding: { maxBitrate: 2_000_000, maxFramerate: 8, priority: 'medium' },
    degradationPreference: 'maintain-resolution',
  },
  picture: {
    source: Track.Source.Camera,
    simulcast: true,
    backupCodec: false,
    videoEncoding: { maxBitrate: 600_000, maxFramerate: 20, priority: 'low' },
    videoSimulcastLayers: [VideoPresets.h180],
    degradationPreference: 'balanced',
  },
};

interface Given {
  original: MediaStreamTrack;
  copy: MediaStreamTrack;
}

export interface HallEvents {
  /** Who is there, or what comes from them, is another. */
  changed(): void;
  /** The room is gone for good. `out`: it was said that one has no place in it any more. */
  lost(out: boolean): void;
}

export class Hall {
  private readonly room: Room;
  private readonly worker: Worker | null;
  private readonly given = new Map<Place, Given>();
  private wanted: OwnTracks = { voice: null, picture: null, screen: null };
  private wishes: Wishes = { picture: 'all', peers: 1, low: false, active: null };
  private giving: Promise<void> = Promise.resolve();
  private readonly phones = new Map<string, HTMLMediaElement>();
  private readonly meter = new Meter();
  private readonly flow = new Flow();
  private closed = false;

  private constructor(
    private readonly ticket: Ticket,
    private readonly events: HallEvents,
    options: RoomOptions,
    worker: Worker | null,
  ) {
    this.worker = worker;
    this.room = new Room(options);
    const changed = (): void => this.heard();
    for (const event of HEARD) this.room.on(event, changed);
    this.room.on(RoomEvent.Disconnected, (reason) => {
      if (!this.closed) this.events.lost(reason === DisconnectReason.PARTICIPANT_REMOVED);
    });
  }

  /** Go in at this address. Raises what the library raises. */
  static async enter(url: string, ticket: Ticket, events: HallEvents): Promise<Hall> {
    const alone = (ticket.urls?.length ?? 0) < 2;
    const limit = alone ? RESUMED_WITHIN_ALONE : RESUMED_WITHIN;
    const options: RoomOptions = {
      adaptiveStream: false, // pictures are drawn elsewhere: what is shown says `use`
      dynacast: true,
      stopLocalTrackOnUnpublish: false,
      disconnectOnPageLeave: true,
      reconnectPolicy: {
        nextRetryDelayInMs: ({ elapsedMs, retryCount }) => (elapsedMs > limit ? null : Math.min(1_000, retryCount * 300)),
      },
    };
    const worker = ticket.key ? await encryption(ticket.key, options) : null;
    const hall = new Hall(ticket, events, options, worker);
    try {
      await hall.connect(url);
    } catch (error) {
      await hall.close();
      throw error;
    }
    return hall;
  }

  private async connect(url: string): Promise<void> {
    if (this.worker) await this.room.setE2EEEnabled(true);
    await this.room.connect(url, this.ticket.token ?? '', {
      autoSubscribe: true,
      maxRetries: 0,
      websocketTimeout: SOCKET_WITHIN,
      peerConnectionTimeout: MEDIA_WITHIN,
      // Given even when empty: else the server's own list counts, and with it names of strangers.
      rtcConfig: { iceServers: this.ticket.ice, iceTransportPolicy: this.ticket.relay_only ? 'relay' : 'all' },
    });
  }

  get connected(): boolean {
    return !this.closed && (this.room.state === 'connected' || this.room.state === 'signalReconnecting');
  }

  get gone(): boolean {
    return this.closed || this.room.state === 'disconnected';
  }

  has(peer: Id): boolean {
    return this.room.remoteParticipants.has(peer);
  }

  /** What comes from this peer here. */
  streams(peer: Id): Streams {
    const from = this.room.remoteParticipants.get(peer);
    return { voice: trackOf(from, Track.Source.Microphone), picture: trackOf(from, Track.Source.Camera), screen: trackOf(from, Track.Source.ScreenShare) };
  }

  // What is given

  give(own: OwnTracks): Promise<void> {
    this.wanted = { ...own };
    this.giving = this.giving.then(() => this.settle()).catch(() => undefined);
    return this.giving;
  }

  /** Something could not be given, or is not yet. */
  get lacking(): boolean {
    return this.ticket.speak && PLACES.some((place) => this.wanted[place]?.readyState === 'live' && !this.given.has(place));
  }

  private async settle(): Promise<void> {
    for (const place of PLACES) {
      const wanted = this.closed || !this.ticket.speak ? null : this.wanted[place];
      const given = this.given.get(place);
      if (given && given.original !== wanted) await this.take(place, given);
      if (wanted && wanted.readyState === 'live' && !this.given.has(place)) await this.put(place, wanted);
    }
  }

  private async put(place: Place, original: MediaStreamTrack): Promise<void> {
    const copy = shadowOf(original);
    this.given.set(place, { original, copy });
    try {
      await this.room.localParticipant.publishTrack(copy, HOW[place]);
    } catch {
      this.given.delete(place);
      release(original, copy);
    }
  }

  private async take(place: Place, { original, copy }: Given): Promise<void> {
    this.given.delete(place);
    try {
      await this.room.localParticipant.unpublishTrack(copy, false);
    } finally {
      release(original, copy);
    }
  }

  // What is taken

  use(wishes: Wishes): void {
    this.wishes = wishes;
    this.ask();
  }

  private ask(): void {
    const { picture, peers, low, active } = this.wishes;
    for (const [peer, participant] of this.room.remoteParticipants) {
      for (const publication of participant.videoTrackPublications.values()) {
        if (publication.source === Track.Source.ScreenShare) publication.setEnabled(!low);
        else {
          publication.setEnabled(picture === 'all' && !low);
          publication.setVideoQuality(peers <= ALL_LARGE || peer === active ? VideoQuality.HIGH : VideoQuality.LOW);
        }
      }
    }
  }

  private heard(): void {
    if (this.closed) return;
    this.ask();
    this.listenToPhones();
    this.events.changed();
  }

  /** Who calls in by telephone is nobody in the room's list: they are heard all the same. */
  private listenToPhones(): void {
    const calling = new Map<string, MediaStreamTrack>();
    for (const [identity, participant] of this.room.remoteParticipants) {
      const voice = trackOf(participant, Track.Source.Microphone);
      if (participant.kind === ParticipantKind.SIP && voice) calling.set(identity, voice);
    }
    for (const identity of [...this.phones.keys()]) if (!calling.has(identity)) this.hush(identity);
    for (const [identity, voice] of calling) {
      const element = this.phones.get(identity) ?? document.createElement('audio');
      this.phones.set(identity, element);
      const stream = element.srcObject instanceof MediaStream ? element.srcObject : null;
      if (stream?.getTracks()[0] === voice) continue;
      element.srcObject = new MediaStream([voice]);
      void element.play().catch(() => undefined);
    }
  }

  private hush(identity: string): void {
    const element = this.phones.get(identity);
    if (element) element.srcObject = null;
    this.phones.delete(identity);
  }

  // Whether it is alive

  /** The line since the last look, and for how long nothing at all came over it, in ms. */
  async measure(at: number): Promise<{ quality: Quality | null; silentFor: number }> {
    const lines = this.room.engine?.pcManager;
    const reports = await Promise.all([lines?.publisher.getStats(), lines?.subscriber?.getStats()]);
    const all = new Map<string, Record<string, unknown> & { type: string; id: string }>();
    for (const [line, report] of reports.entries()) {
      report?.forEach((each: Record<string, unknown> & { type: string; id: string }) => all.set(`${line} ${each.id}`, each));
    }
    return { quality: this.meter.read(all), silentFor: this.flow.read(all, at) };
  }

  /** The network changed: find another way through it. */
  restart(): void {
    if (this.room.state === 'connected') void this.room.simulateScenario('signal-reconnect').catch(() => undefined);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const identity of [...this.phones.keys()]) this.hush(identity);
    const copies = [...this.given.values()];
    this.given.clear();
    await this.room.disconnect(false).catch(() => undefined);
    for (const { original, copy } of copies) release(original, copy);
    this.worker?.terminate();
  }
}

const HEARD = [
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.TrackPublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.Reconnecting,
  RoomEvent.Reconnected,
] as const;

function trackOf(from: RemoteParticipant | undefined, source: Track.Source): MediaStreamTrack | null {
  const publication = from?.getTrackPublication(source);
  return publication?.track && !publication.isMuted ? publication.track.mediaStreamTrack : null;
}

/** From end to end: with the key of the ticket, which the media server never saw. */
async function encryption(key: string, options: RoomOptions): Promise<Worker> {
  const { default: Encrypting } = await import('livekit-client/e2ee-worker?worker');
  const worker = new Encrypting();
  const keyProvider = new ExternalE2EEKeyProvider();
  await keyProvider.setKey(Uint8Array.from(atob(key), (letter) => letter.charCodeAt(0)).buffer);
  options.encryption = { keyProvider, worker };
  return worker;
}
