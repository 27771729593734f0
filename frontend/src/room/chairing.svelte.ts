/** What the chair's side does beside opening and recording: parking, breaks, taking back, handing over, protocol cases. */
import type { Frame, Id, Item, Person } from './protocol';
import type { RoomStore } from './room.svelte';
import { isParked, itemById, nextItem, type RoomState } from './state';
import { words } from './words';

/** A break is proposed after so many minutes without one, where the board says nothing else. */
export const BREAK_AFTER = 60;

/** The item that a step was about, from what it changed; some steps are about none. */
function itemOfStep(what: string, before: RoomState, after: RoomState): Item | null {
  const changed = after.room.items.filter((item) => itemById(before.room, item.id) !== item);
  const was = (item: Item) => itemById(before.room, item.id);
  switch (what) {
    case 'agenda.next':
    case 'agenda.open_item':
      return changed.find((item) => item.state === 'open' && was(item)?.state !== 'open') ?? null;
    case 'agenda.postpone':
      return changed.find((item) => item.state === 'postponed') ?? null;
    case 'agenda.park':
    case 'agenda.unpark':
      return changed.find((item) => was(item)?.parked !== item.parked) ?? null;
    default:
      return null;
  }
}

export class Chairing {
  /** The last step in words, known when it was seen to happen. */
  private step = $state.raw<{ until: string; item: string } | null>(null);
  private breakPutOff = $state<Id | null>(null);

  constructor(private readonly store: RoomStore) {}

  private get meeting() {
    return this.store.room?.meeting ?? null;
  }

  /** A frame came in. */
  heard(before: RoomState | null, after: RoomState, frame: Frame): void {
    const undo = after.room.meeting.undo ?? null;
    if (!undo || !before || frame.t !== 'event' || undo.until === before.room.meeting.undo?.until) return;
    const item = itemOfStep(undo.what, before, after);
    this.step = { until: undo.until, item: item ? `${item.position}. ${item.label}` : '' };
  }

  // The last step

  /** The step that can be taken back now: what it was, and for how many seconds yet. */
  readonly undo = $derived.by((): { text: string; seconds: number } | null => {
    const undo = this.meeting?.undo;
    if (!undo || !this.store.can('run') || !this.store.running) return null;
    const seconds = Math.ceil((Date.parse(undo.until) - this.store.now) / 1000);
    if (seconds <= 0) return null;
    return { text: words.stepDone(undo.what, this.step?.until === undo.until ? this.step.item : ''), seconds: Math.min(30, seconds) };
  });

  async takeBackStep(): Promise<void> {
    if (this.undo) await this.store.run('agenda.undo', {});
  }

  // Breaks

  readonly break = $derived.by(() => (this.store.running ? (this.meeting?.break ?? null) : null));

  /** Seconds until the break was meant to end; negative when it lasts longer. */
  readonly breakLeft = $derived.by(() => (this.break ? Math.round((Date.parse(this.break.until) - this.store.now) / 1000) : 0));

  /** The place between two items that one is at; null in the middle of one. */
  private readonly between = $derived.by((): Id | null => {
    const { room, open } = this.store;
    if (!room || (open && !open.decision)) return null;
    const next = nextItem(room);
    return next ? (open?.id ?? next.id) : null;
  });

  /** The minutes of the break that is planned before the item that comes next; null where none is. */
  readonly breakPlanned = $derived.by((): number | null => {
    const room = this.store.room;
    const next = room && nextItem(room);
    return (next && room.forecast?.breaks?.[next.id]?.minutes) ?? null;
  });

  /** After how many minutes the board wishes a break; 0: never. */
  readonly breakAfter = $derived.by(() => this.meeting?.break_after ?? BREAK_AFTER);

  /** Why one should rest now, between two cases: the break that is planned here, or a long time without one where none is to come. */
  readonly breakDue = $derived.by((): '' | 'planned' | 'long' => {
    const { room } = this.store;
    const meeting = this.meeting;
    if (!meeting?.started_at || !this.store.running || meeting.break || !this.store.can('run')) return '';
    if (this.between === null || this.between === this.breakPutOff) return '';
    if (this.breakPlanned !== null) return 'planned';
    if (!this.breakAfter || Object.keys(room?.forecast?.breaks ?? {}).length) return '';
    const rested = Math.max(Date.parse(meeting.started_at), ...(meeting.breaks ?? []).map(([, until]) => Date.parse(until)));
    return this.store.now - rested >= this.breakAfter * 60_000 ? 'long' : '';
  });

  /** Not now; it is proposed again at the next item. */
  putOffBreak(): void {
    this.breakPutOff = this.between;
  }

  /** B: have a break, or go on. */
  async breakOrGoOn(): Promise<void> {
    if (!this.store.can('run') || !this.store.running) return;
    if (this.break) await this.goOn();
    else this.store.dialog = { kind: 'break' };
  }

  async goOn(): Promise<void> {
    await this.store.run('meeting.end_break', {});
  }

  // The order

  /** The item that a key is meant for: the selected one, else the one on the table. */
  get target(): Item | null {
    const waits = (item: Item | null) => (item && (item.state === 'open' || item.state === 'scheduled') ? item : null);
    return waits(this.store.room && itemById(this.store.room, this.store.selected)) ?? waits(this.store.open);
  }

  /** Set an item aside, or bring it back into the order. */
  async park(item: Item | null = this.target): Promise<void> {
    if (!item || !this.store.can('reorder') || !this.store.running) return;
    await this.store.run(isParked(item) ? 'agenda.unpark' : 'agenda.park', { item: item.id, version: item.version });
  }

  /** A row was dragged onto another one, or among the parked ones. */
  async drop(id: Id, over: string, after: boolean): Promise<void> {
    const { store } = this;
    const item = store.room && itemById(store.room, id);
    if (!item || item.state !== 'scheduled' || !store.can('reorder')) return;
    store.select(id);
    if (over === 'parked') {
      if (!isParked(item)) await this.park(item);
      return;
    }
    if (isParked(item)) {
      await this.park(item);
      return;
    }
    const order = store.room!.items.filter((each) => !isParked(each) && each !== item);
    const at = order.findIndex((each) => each.id === over) + (after ? 1 : 0);
    const [before, behind] = [order[at - 1], order[at]];
    // The place is counted over the whole agenda with the item itself taken out of it.
    const to = behind ? behind.position - (behind.position > item.position ? 1 : 0) : before ? before.position + (before.position > item.position ? 0 : 1) : null;
    if (to === null || to === item.position) return;
    await store.run('agenda.move_item', { item: id, to, version: item.version });
  }

  // Protocol cases

  /** Cases that a protocol covers and that nothing is recorded for. */
  readonly protocolCases = $derived.by(() =>
    (this.store.room?.items ?? []).filter((item) => item.protocol && item.kind === 'case' && !item.decision && item.state === 'scheduled'),
  );

  askProtocol(item: Item | null = this.target): void {
    if (item?.kind === 'case' && item.state === 'scheduled' && this.store.can('run')) this.store.dialog = { kind: 'protocol', item: item.id };
  }

  askProtocols(): void {
    if (this.store.can('record') && this.store.running && this.protocolCases.length) this.store.dialog = { kind: 'protocols' };
  }

  // Who does what

  /** Who chairs now: a deputy to whom it was handed, else the chair of the board. */
  readonly chairs = $derived.by((): Person[] => {
    const people = this.store.room?.people ?? [];
    const deputies = people.filter((person) => this.meeting?.chairs?.includes(person.id));
    if (deputies.length) return deputies;
    const chairs = people.filter((person) => person.role === 'chair');
    const here = chairs.filter((person) => person.present);
    return here.length ? here : chairs;
  });

  records(person: Id): boolean {
    return this.meeting?.scribes?.includes(person) ?? false;
  }

  presents(person: Id): boolean {
    return this.meeting?.presenter === person;
  }

  askHand(person: Id | null = null): void {
    if (this.store.can('run')) this.store.dialog = { kind: 'hand', person };
  }
}
