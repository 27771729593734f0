/** What is heard in the call, many times a second: the own level, who speaks, who is shown large, and two machines in one room. */
import type { Id } from '../protocol';
import type { CallStore } from './call.svelte';
import { Levels } from './levels';
import { EVERY, SameRoom } from './sameroom';
import { EMPTY_FLOOR, floorAfter, Voice } from './speaking';

const OWN = 'own';
/** The meter moves so often, in looks. */
const SHOWN_EVERY = 2;

export class Hearing {
  private readonly levels = new Levels();
  private readonly voices = new Map<Id, Voice>();
  private readonly sameRoom = new SameRoom();
  private readonly dismissed = new Set<Id>();
  private floor = EMPTY_FLOOR;
  private looks = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly call: CallStore,
    private readonly moved: () => void,
  ) {}

  stop(): void {
    clearInterval(this.timer);
    this.levels.close();
  }

  listenToMyself(track: MediaStreamTrack | null): void {
    this.begin();
    this.levels.listen(OWN, track);
  }

  private begin(): void {
    this.timer ??= setInterval(() => this.look(), EVERY);
  }

  listenTo(peer: Id, track: MediaStreamTrack | null): void {
    if (track) this.begin();
    this.levels.listen(peer, track);
    if (!track) this.voices.delete(peer);
  }

  /** They know by now; it is not said of this person again. */
  dismiss(): void {
    if (this.call.sameRoom) this.dismissed.add(this.call.sameRoom.person);
    this.call.sameRoom = null;
  }

  private look(): void {
    const { call } = this;
    const at = Date.now();
    this.looks += 1;
    const mine = call.mic ? this.levels.read(OWN) : 0;
    if (this.looks % SHOWN_EVERY === 0) call.level = Math.round(mine * 50) / 50;
    if (!call.inCall || call.me === null) return;
    const heard = new Map<Id, number>();
    const here = new Set<Id>();
    for (const { peer, mic, speak } of call.entries) {
      if (peer === call.me) continue;
      here.add(peer);
      if (mic && speak && call.streams.get(peer)?.voice) heard.set(peer, this.levels.read(peer));
    }
    if (call.mic) heard.set(call.me, mine);
    this.hearVoices(heard, here, at);
    heard.delete(call.me);
    this.compare(call.mic ? mine : null, heard);
  }

  private hearVoices(heard: Map<Id, number>, here: Set<Id>, at: number): void {
    const { call } = this;
    const speaking = new Set<Id>();
    for (const [peer, level] of heard) {
      const voice = this.voices.get(peer) ?? new Voice();
      this.voices.set(peer, voice);
      if (voice.hear(level, at)) speaking.add(peer);
    }
    for (const peer of [...call.speaking]) if (!speaking.has(peer)) call.speaking.delete(peer);
    for (const peer of speaking) if (!call.speaking.has(peer)) call.speaking.add(peer);
    this.floor = floorAfter(this.floor, speaking, here, at);
    if (this.floor.active === call.active) return;
    call.active = this.floor.active;
    this.moved();
  }

  private compare(mine: number | null, heard: Map<Id, number>): void {
    const { call } = this;
    const said = call.sameRoom;
    // One of the two is off: that was the advice.
    if (said && (mine === null || ![...heard.keys()].some((peer) => this.personOf(peer) === said.person))) call.sameRoom = null;
    for (const peer of [...heard.keys()]) if (this.dismissed.has(this.personOf(peer) ?? '')) heard.delete(peer);
    const found = this.sameRoom.hear(mine, heard);
    const entry = found === null ? null : call.entries.find(({ peer }) => peer === found);
    if (entry && call.sameRoom?.person !== entry.person) call.sameRoom = { person: entry.person, name: entry.name };
  }

  private personOf(peer: Id): Id | undefined {
    return this.call.entries.find((entry) => entry.peer === peer)?.person;
  }
}
