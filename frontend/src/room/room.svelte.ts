/** What the page shows and what a key or button does: the frames' state, plus this person's own eye on it. */
import { SvelteSet } from 'svelte/reactivity';
import { announcement } from './announce';
import { CALL_FRAMES, CallStore } from './call/call.svelte';
import { Chairing } from './chairing.svelte';
import { Connection, type Link, type Surroundings } from './connection';
import { Desk } from './desk.svelte';
import { Eye, type Around } from './eye.svelte';
import type { Outcome } from './outbox';
import type { CommandName, Commands, DraftContent, Frame, Id, Item, OtherFrame, Remark, Right } from './protocol';
import { Reading } from './reading.svelte';
import { StageLoader, type StageStatus } from './stage';
import { isCovered, isParked, itemById, nextItem, openItem, type RoomState } from './state';
import { Talk } from './talk.svelte';
import { forecastShift, overrunSeconds, spentSeconds } from './time';
import { FIELDS, TEXT_FRAMES, type Field } from './text/frames';
import type { TextSaving } from './text/session';
import { words } from './words';

export type Pane = 'agenda' | 'stage' | 'recommendation' | 'people' | 'talk' | 'call';

export type Dialog =
  | { kind: 'keys' }
  | { kind: 'late' }
  | { kind: 'close' }
  | { kind: 'break' }
  | { kind: 'protocols' }
  | { kind: 'devices' }
  | { kind: 'hand'; person: Id | null }
  | { kind: 'protocol'; item: Id }
  | { kind: 'dissent'; item: Id }
  | { kind: 'postpone'; item: Id }
  | { kind: 'record'; item: Id }
  | { kind: 'next'; item: Id };

export interface Place {
  /** The organisation that this person sits here for. */
  organisation?: Id;
  wayOut?: string;
}

export interface Toast {
  id: number;
  text: string;
}

/** How long a refusal stays on the page, in ms. */
const TOAST_FOR = 12_000;

/** From this height on, people and chat are unfolded side by side, in px. */
const ROOM_FOR_BOTH = 1_000;

/** The same switch as on the other pages (src/pages/keys.ts). */
const KEYS_SWITCH = 'mdo-single-keys';

function readKeysOff(): boolean {
  try {
    return localStorage.getItem(KEYS_SWITCH) === 'off';
  } catch {
    return false;
  }
}

export class RoomStore {
  state = $state.raw<RoomState | null>(null);
  link = $state.raw<Link>({ state: 'connecting', reason: null });
  /** The server's clock, in ms, moved twice a second. */
  now = $state(Date.now());
  /** The item whose case and text are shown here. */
  viewed = $state<Id | null>(null);
  following = $state(true);
  /** The table went on while this person was writing: they stay until they say so. */
  held = $state(false);
  selected = $state<Id | null>(null);
  pane = $state<Pane>('stage');
  dialog = $state.raw<Dialog | null>(null);
  filter = $state('');
  /** The list of people unfolded: from the start where the window is high enough for it beside the text. */
  peopleOpen = $state(window.innerHeight >= 900);
  /** Single keys are switched off by this person; kept in the browser, it says nothing about anyone. */
  keysOff = $state(readKeysOff());
  toasts = $state.raw<Toast[]>([]);
  announcement = $state('');
  stage = $state.raw<{ item: Id | null; html: string; status: StageStatus }>({ item: null, html: '', status: 'empty' });
  readonly pending = new SvelteSet<CommandName>();

  readonly room = $derived(this.state?.room ?? null);
  readonly you = $derived(this.state?.you ?? null);
  readonly open = $derived(this.room && openItem(this.room));
  readonly next = $derived(this.room && nextItem(this.room));
  readonly item = $derived(this.room && itemById(this.room, this.viewed));
  readonly spent = $derived(this.open ? spentSeconds(this.open, this.now) : 0);
  readonly over = $derived(this.open ? overrunSeconds(this.open, this.now) : 0);
  /** Milliseconds to add to forecast times, in steps of a quarter of a minute so that lists rest in between. */
  readonly shift = $derived(this.room ? Math.floor(forecastShift(this.room, this.now) / 15_000) * 15_000 : 0);
  readonly running = $derived(this.room?.meeting.state === 'running');
  /** The item looked at is on the table and has nothing recorded. */
  readonly recordable = $derived(this.running && this.item !== null && this.item.decision === null && this.item.state === 'open');
  /** The agenda as the filter leaves it, what is parked at its end, then what a protocol covers. */
  readonly shownItems = $derived.by(() => {
    const all = this.room?.items ?? [];
    const items = [...all.filter((item) => !isParked(item) && !isCovered(item)), ...all.filter((item) => isParked(item) && !isCovered(item)), ...all.filter(isCovered)];
    const wanted = this.filter.trim().toLocaleLowerCase();
    if (!wanted) return items;
    return items.filter((item) =>
      `${item.position} ${item.label} ${item.requester ?? ''} ${(item.organisation && this.room?.organisations[item.organisation]?.short) ?? ''}`
        .toLocaleLowerCase()
        .includes(wanted),
    );
  });

  private readonly connection: Connection;
  private readonly loader: StageLoader;
  readonly desk = new Desk({
    fetch: (item) => this.fetchDraft(item),
    save: (args, options) => this.connection.send('draft.save', args, options),
    tell: (message) => this.connection.tell(message),
  });
  /** Where this person looks within the item, and where the presenter does. */
  readonly eye = new Eye(this.around());
  readonly chairing = new Chairing(this);
  readonly reading = new Reading(this, (item) => this.fetchDraft(item));
  readonly talk = new Talk(this, async (item) => (await this.fetchJson<{ remarks: Remark[] }>(item, 'remarks')).remarks);
  readonly call = new CallStore(this);
  private readonly listeners = new Map<string, Set<(frame: OtherFrame) => void>>();
  private readonly lineListeners = new Set<() => void>();
  private writing = false;
  private queuedMove = 0;
  private toastCount = 0;
  private clockTimer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly meeting: Id,
    socketUrl: string,
    surroundings?: Surroundings,
    private readonly place: Place = {},
  ) {
    this.connection = new Connection(
      socketUrl,
      {
        onLink: (link) => this.heardLink(link),
        onState: (state, frame) => this.heardState(state, frame),
        onRefused: (message) => this.toast(message || words.refusedBare()),
        onLine: () => this.lineListeners.forEach((came) => came()),
        onOther: (frame) => this.listeners.get(frame.t)?.forEach((heard) => heard(frame)),
      },
      surroundings,
    );
    this.loader = new StageLoader(
      (item) => this.url(item, 'stage'),
      () => (this.stage = { item: this.loader.item, html: this.loader.html, status: this.loader.status }),
    );
    this.onFrame('signal', (frame) => this.eye.hear(frame));
    this.onLine(() => this.eye.came());
    this.onLine(() => this.desk.texts.lineUp());
    for (const t of TEXT_FRAMES) this.onFrame(t, (frame) => this.desk.texts.hear(frame));
    this.onLine(() => this.call.lineUp());
    for (const t of CALL_FRAMES) this.onFrame(t, (frame) => this.call.hear(frame));
  }

  start(): void {
    this.clockTimer = setInterval(() => (this.now = this.connection.clock.now()), 500);
    this.connection.start();
    this.eye.start();
  }

  stop(): void {
    clearInterval(this.clockTimer);
    this.connection.stop();
    this.eye.stop();
    this.call.stop();
    this.desk.dispose();
  }

  reopen(): void {
    this.connection.reopen();
  }

  can(right: Right): boolean {
    return this.you?.can.includes(right) ?? false;
  }

  private url(item: Id, what: 'stage' | 'draft' | 'remarks'): string {
    return `/meetings/${this.meeting}/items/${item}/${what}/${this.acting}`;
  }

  private get acting(): string {
    return this.place.organisation ? `?for=${encodeURIComponent(this.place.organisation)}` : '';
  }

  private around(): Around {
    const store = this;
    return {
      get me() {
        return store.you?.person ?? null;
      },
      get presenter() {
        return store.room?.meeting.presenter ?? null;
      },
      get shown() {
        return store.viewed;
      },
      get table() {
        return store.open?.id ?? null;
      },
      get mayPoint() {
        return store.can('share');
      },
      nameOf: (person) => this.room?.people.find((each) => each.id === person)?.name ?? '',
      tell: (message) => this.tell(message),
      documentUrl: (document) => `/documents/${document}/${this.acting}`,
    };
  }

  /** Where one goes from here. */
  get wayOut(): string {
    return this.place.wayOut ?? '/';
  }

  takePartBy(means: string): void {
    this.connection.takePartBy(means);
  }

  // What comes in

  private heardLink(link: Link): void {
    this.link = link;
    if (link.state !== 'connected') this.desk.texts.lineDown();
    if (link.state === 'closed') this.announcement = '';
    this.call.heardLine(link.state === 'connected', link.state === 'closed');
    if (link.reason === 'no_access') {
      this.state = null;
      this.viewed = null;
      this.dialog = null;
      this.loader.show(null);
      this.eye.settle();
    }
    if (link.state === 'connected') {
      this.desk.again();
      this.reading.look(this.item);
      this.talk.again();
      if (this.stage.status === 'unreachable') this.look();
    }
  }

  private heardState(state: RoomState, frame: Frame): void {
    const before = this.state;
    this.state = state;
    this.now = this.connection.clock.now();
    this.chairing.heard(before, state, frame);
    this.call.heardState(before, state);
    this.talk.meet(before, state, itemById(state.room, this.viewed));
    const looked = before ? this.viewed : (openItem(state.room)?.id ?? null); // whoever comes in looks at what is on the table
    this.reading.heard(before && itemById(before.room, looked), itemById(state.room, looked));
    const wasOpen = before && openItem(before.room);
    const open = openItem(state.room);
    if (!before || wasOpen?.id !== open?.id) {
      this.selected = (open ?? nextItem(state.room) ?? state.room.items[0])?.id ?? null;
      if (this.following && this.viewed !== null && this.viewed !== open?.id && this.busyWriting(this.viewed)) this.held = true;
    } else if (this.selected !== null && !itemById(state.room, this.selected)) {
      this.selected = open?.id ?? null;
    }
    if (this.viewed !== null && !itemById(state.room, this.viewed)) this.held = false;
    if (this.following && !this.held) this.viewed = open?.id ?? null;
    if (this.viewed === open?.id) this.held = false;
    this.forgetDialog(state);
    this.look();
    if (before) this.announcement = announcement(before, state, frame.t === 'event' ? frame.name : '') || this.announcement;
  }

  /** A dialog about an item that is dealt with meanwhile closes by itself. */
  private forgetDialog({ room }: RoomState): void {
    const dialog = this.dialog;
    if (!dialog || !('item' in dialog)) return;
    const item = itemById(room, dialog.item);
    const gone = !item || (dialog.kind === 'dissent' && !item.read_back) || (dialog.kind === 'record' ? item.decision !== null : item.state !== 'open' && item.state !== 'scheduled');
    if (gone || (dialog.kind === 'next' && item?.decision)) this.dialog = null;
  }

  /** What this dialog asked for is done. It may have closed by itself before the answer came: another one that was opened since stays. */
  doneWith(dialog: Dialog | null): void {
    if (this.dialog === dialog) this.dialog = null;
  }

  private busyWriting(item: Id): boolean {
    return this.writing || this.desk.unsaved.has(item);
  }

  /** Bring stage and text in line with the item that is looked at. */
  private look(): void {
    const state = this.state;
    if (!state) return;
    const item = itemById(state.room, this.viewed);
    this.loader.show(item?.id ?? null, item?.version, item?.content);
    this.eye.settle();
    if (state.you.guest) return;
    this.desk.meet(state.room, item, (row, field) => this.mayWrite(row, field));
    this.reading.look(item);
    this.talk.meet(state, state, item);
  }

  /** An item is written on while it is on the table and not recorded; its recommendation rests while it is read back. */
  mayWrite(item: Item, field: Field = 'recommendation'): boolean {
    if (!this.running || !this.can('draft') || item.state !== 'open' || item.decision !== null) return false;
    return field === 'discussion' || !item.read_back;
  }

  private fetchDraft(item: Id): Promise<DraftContent> {
    return this.fetchJson<DraftContent>(item, 'draft');
  }

  private async fetchJson<Answer>(item: Id, what: 'draft' | 'remarks'): Promise<Answer> {
    const answer = await fetch(this.url(item, what), { credentials: 'same-origin', headers: { Accept: 'application/json' } });
    if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
    return (await answer.json()) as Answer;
  }

  // The text

  /** The editor of the item that is looked at, as it stands; read it anew after every change. */
  get draft() {
    const editor = this.desk.of(this.viewed);
    if (!editor) return null;
    const { item, shown, server, mine, leftover, saveState, problem, loaded, unreachable, writable, conflict, version, content } = editor;
    const session = this.text('recommendation');
    const text = session?.loaded ? session.plain : (content?.text ?? '');
    return { editor, item, shown, server, mine, leftover, saveState, problem, loaded, unreachable, writable, conflict, version, text };
  }

  /** A text of the item that is looked at, as it stands; read it anew after every change. */
  text(field: Field) {
    const session = this.desk.texts.of(this.viewed, field);
    if (!session) return null;
    const { plain, writable, loaded, barred, kept, problem, saving, edition } = session;
    return { session, plain, writable, loaded, barred, kept, problem, saving, edition };
  }

  /** How it stands with what was typed on the item that is looked at. */
  get saving(): TextSaving {
    const states: string[] = FIELDS.map((field) => this.text(field)?.saving ?? 'saved');
    states.push(this.draft?.saveState ?? 'saved');
    if (states.every((state) => state === 'saved')) return 'saved';
    // Without a line nothing is being saved, whatever is on its way.
    return this.link.state === 'connected' && states.every((state) => state === 'saved' || state === 'saving') ? 'saving' : 'unsaved';
  }

  /** Items with words of this person that the server does not have, other than the one looked at. */
  get unsavedElsewhere(): Item[] {
    const unsaved = this.desk.unsaved;
    return this.room?.items.filter((item) => item.id !== this.viewed && unsaved.has(item.id)) ?? [];
  }

  /** Words that never reached the server and whose item is not shown any more: it was taken off, or the room itself was. */
  get strandedWords(): { item: Id; text: string }[] {
    const shown = this.link.state === 'closed' ? [] : (this.room?.items ?? []);
    return [...this.desk.unsaved].filter((id) => !shown.some((item) => item.id === id)).map((item) => ({ item, text: this.desk.wordsOf(item) }));
  }

  get hasUnsaved(): boolean {
    return this.desk.unsaved.size > 0 || this.talk.hasUnsent;
  }

  /** The focus came into the text or left it. */
  setWriting(writing: boolean): void {
    this.writing = writing;
  }

  /** Go to the text and write. */
  write(): void {
    if (!this.item) return;
    this.pane = 'recommendation';
    if (this.mayWrite(this.item)) this.desk.wish(this.item.id);
  }

  /** The number of the last update of the recommendation's text that this page has applied: what was read here. */
  textSeen(item: Id): number {
    return this.desk.texts.of(item, 'recommendation')?.n ?? 0;
  }

  /** Settled when everything that was typed here on the item is stored; false when it cannot be now. */
  flushText(item: Id): Promise<boolean> {
    return this.desk.flush(item);
  }

  // What is not part of the state: texts and signals

  /** Hear frames of a kind outside the state, e.g. `signal`; answers how to stop hearing them. */
  onFrame(t: string, heard: (frame: OtherFrame) => void): () => void {
    const listeners = this.listeners.get(t) ?? new Set();
    this.listeners.set(t, listeners.add(heard));
    return () => listeners.delete(heard);
  }

  /** Be told when a new line speaks, so that what the old one knew can be told again; answers how to stop. */
  onLine(came: () => void): () => void {
    this.lineListeners.add(came);
    return () => this.lineListeners.delete(came);
  }

  /** Something else that goes over the network stopped: is the line still one? */
  doubtLine(): void {
    this.connection.doubt();
  }

  /** Write a message that is no command; false when there is no line, and then it is gone. */
  tell(message: object): boolean {
    return this.connection.tell(message);
  }

  // Looking

  select(id: Id | null): void {
    this.selected = id;
  }

  selectBy(delta: number): void {
    const items = this.shownItems;
    if (!items.length) return;
    const at = items.findIndex((item) => item.id === this.selected);
    this.selected = items[Math.min(items.length - 1, Math.max(0, at < 0 ? 0 : at + delta))]!.id;
  }

  /** Look at an item of one's own choice; the table's item brings one back to following. */
  lookAt(id: Id): void {
    this.selected = id;
    this.held = false;
    this.following = id === this.open?.id;
    this.viewed = id;
    this.pane = 'stage';
    this.look();
  }

  follow(): void {
    this.following = true;
    this.held = false;
    this.viewed = this.open?.id ?? null;
    if (this.open) this.selected = this.open.id;
    this.look();
    this.eye.back();
  }

  /** One key: look away from whoever presents, or back to the table and to them. */
  toggleFollow(): void {
    if (this.following && !this.held && this.eye.following) this.eye.lookAway();
    else this.follow();
  }

  /** A low window has room for one of the lists beside the text. */
  unfoldPeople(open: boolean): void {
    this.peopleOpen = open;
    if (open && window.innerHeight < ROOM_FOR_BOTH) this.talk.unfold(false);
  }

  unfoldTalk(open: boolean): void {
    this.talk.unfold(open);
    if (open && window.innerHeight < ROOM_FOR_BOTH) this.peopleOpen = false;
  }

  switchKeys(on: boolean): void {
    this.keysOff = !on;
    try {
      localStorage.setItem(KEYS_SWITCH, on ? 'on' : 'off');
    } catch {
      // A browser that keeps nothing: it holds until the page is left.
    }
  }

  // Doing

  async nextStep(): Promise<void> {
    if (!this.can('run') || !this.running) return;
    const open = this.open;
    // With no objection in the room, going on records the wording that stands there.
    const settles = open?.read_back && this.reading.mode === 'no_objection' && this.can('record');
    if (open?.kind === 'case' && !open.decision && !settles) {
      this.dialog = { kind: 'next', item: open.id };
      return;
    }
    this.dialog = null;
    if (!open && !this.next) {
      this.askClose();
      return;
    }
    if (this.held || !this.following) this.follow();
    await this.run('agenda.next', { from_item: open?.id ?? null });
  }

  async openSelected(): Promise<void> {
    const item = this.room && itemById(this.room, this.selected);
    if (!item || !this.can('run') || !this.running || item.id === this.open?.id) return;
    if (!this.following) this.follow();
    await this.run('agenda.open_item', { item: item.id, version: item.version });
  }

  async startMeeting(): Promise<void> {
    const state = this.room?.meeting.state;
    if (this.can('run') && (state === 'published' || state === 'planned')) await this.run('meeting.start', {});
  }

  askPostpone(): void {
    const waits = (item: Item | null) => (item && (item.state === 'open' || item.state === 'scheduled') ? item : null);
    const item = waits(this.room && itemById(this.room, this.selected)) ?? waits(this.open);
    if (item && this.can('postpone')) this.dialog = { kind: 'postpone', item: item.id };
  }

  askRecord(): void {
    const item = this.item;
    if (!item || !this.can('record') || !this.recordable) return;
    this.dialog = { kind: 'record', item: item.id };
    void this.flushText(item.id);
  }

  askLate(): void {
    if (this.can('add_late')) this.dialog = { kind: 'late' };
  }

  askClose(): void {
    if (this.can('close') && this.running) this.dialog = { kind: 'close' };
  }

  /** Move the selected item. Keys pressed while one move is on its way add up to the next one. */
  async moveSelected(delta: number): Promise<void> {
    const room = this.room;
    const item = room && itemById(room, this.selected);
    if (!item || !this.can('reorder') || item.state !== 'scheduled') return;
    if (this.pending.has('agenda.move_item')) {
      this.queuedMove += delta;
      return;
    }
    const order = room.items.filter((each) => !isParked(each));
    const from = order.indexOf(item);
    const neighbour = order[Math.min(order.length - 1, Math.max(0, from + delta))]!;
    if (from < 0 || neighbour === item) return;
    // Places are counted over the whole agenda, of which one may see less.
    const to = neighbour.position;
    const outcome = await this.run('agenda.move_item', { item: item.id, to, version: item.version });
    const queued = this.queuedMove;
    this.queuedMove = 0;
    if (queued && outcome.ok && this.selected === item.id && (this.state?.seq ?? 0) >= outcome.seq) await this.moveSelected(queued);
  }

  /** Send a command once; a refusal is shown in the server's words unless the caller shows it itself. */
  async run<Name extends CommandName>(name: Name, args: Commands[Name], options: { quiet?: boolean } = {}): Promise<Outcome> {
    if (this.pending.has(name)) return { ok: false, code: 'too_fast', message: '', field: null, current: null };
    this.pending.add(name);
    const outcome = await this.connection.send(name, args);
    this.pending.delete(name);
    if (!outcome.ok && !options.quiet) this.toast(this.sentence(outcome));
    return outcome;
  }

  sentence(outcome: Outcome & { ok: false }): string {
    return outcome.code === 'not_sent' ? words.notSent() : outcome.message || words.refusedBare();
  }

  toast(text: string): void {
    const id = ++this.toastCount;
    this.toasts = [...this.toasts.filter((toast) => toast.text !== text), { id, text }].slice(-3);
    setTimeout(() => this.dismiss(id), TOAST_FOR);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }
}
