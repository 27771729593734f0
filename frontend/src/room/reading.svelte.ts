/** Reading a wording back: it stands on every screen, is confirmed or not, and is then recorded. */
import type { DraftContent, Id, Item, ReadBack } from './protocol';
import type { RoomStore } from './room.svelte';
import { words } from './words';

/** A wording that stands for less than this is not recorded by the same key that began it, in ms. */
const SECOND_THOUGHT = 1_000;

export class Reading {
  /** The draft of the item that is looked at, with everybody's voice, as it stands while it is read back or after it. */
  private fetched = $state.raw<{ key: string; item: Id; content: DraftContent } | null>(null);
  unreachable = $state(false);
  private asking = '';
  private begunAt = 0;

  constructor(
    private readonly store: RoomStore,
    private readonly fetch: (item: Id) => Promise<DraftContent>,
  ) {}

  get mode(): 'off' | 'no_objection' | 'each' {
    return this.store.room?.meeting.read_back ?? 'off';
  }

  /** The read-back that stands for the item that is looked at. */
  readonly now = $derived.by((): ReadBack | null => this.store.item?.read_back ?? null);

  readonly content = $derived.by(() => (this.fetched && this.fetched.item === this.store.viewed ? this.fetched.content : null));

  /** What this person said of the wording. */
  readonly mine = $derived.by(() => this.now?.voices.find((voice) => voice.person === this.store.you?.person)?.kind ?? null);

  readonly mayVoice = $derived.by(() => this.now !== null && this.store.can('read_back'));

  readonly complete = $derived.by(() => this.mode !== 'each' || this.now?.missing.length === 0);

  /** A frame came in: a wording that has just been put before everybody, or stands as one comes in, is shown also where only one part
   * of the room is. */
  heard(before: Item | null, item: Item | null): void {
    const fresh = !before || (before.id === item?.id && before.read_back?.round !== item.read_back?.round);
    if (item?.read_back && fresh) this.store.pane = 'recommendation';
  }

  /** The wording and the voices of the item that is looked at are fetched when what they hang on has changed. */
  look(item: Item | null): void {
    const read = item?.read_back;
    if (!item || (!read && !item.decision)) return;
    const key = JSON.stringify([item.id, item.draft.version, read?.round, read?.voices, item.decision]);
    if ((this.fetched?.key === key && !this.unreachable) || this.asking === key) return;
    this.asking = key;
    void this.fetch(item.id)
      .then((content) => {
        if (this.asking !== key) return;
        this.fetched = { key, item: item.id, content };
        this.unreachable = false;
      })
      .catch(() => {
        if (this.asking === key) this.unreachable = true;
      })
      .finally(() => {
        if (this.asking === key) this.asking = '';
      });
  }

  /** R: read the wording back, or record what was read back. */
  async press(): Promise<void> {
    const { store } = this;
    const item = store.item;
    if (!item || !store.recordable) return;
    if (this.mode === 'off') store.askRecord();
    else if (!item.read_back) await this.begin(item);
    else if (Date.now() - this.begunAt >= SECOND_THOUGHT) await this.record();
  }

  private async begin(item: Item): Promise<void> {
    const { store } = this;
    if (!store.can('run')) return;
    store.pane = 'recommendation';
    if (!(await store.flushText(item.id))) {
      store.toast(words.notSavedYet());
      return;
    }
    // What was saved just now may be ahead of what the frames have said.
    const version = Math.max(store.item?.id === item.id ? store.item.draft.version : 0, item.draft.version, store.desk.of(item.id)?.version ?? 0);
    const outcome = await store.run('readback.begin', { item: item.id, version, text: store.textSeen(item.id) }, { quiet: true });
    if (outcome.ok) this.begunAt = Date.now();
    else store.toast(outcome.code === 'stale' ? words.recordChanged() : store.sentence(outcome));
  }

  async confirm(): Promise<void> {
    const { item } = this.store;
    if (item?.read_back && this.mayVoice && this.mine !== 'confirm') await this.store.run('readback.confirm', { item: item.id, round: item.read_back.round });
  }

  askDissent(): void {
    const { item } = this.store;
    if (item?.read_back && this.mayVoice) this.store.dialog = { kind: 'dissent', item: item.id };
  }

  readonly mayWithdraw = $derived.by(() => this.now !== null && this.store.can('draft'));

  /** W is the chair's side's only: a letter pressed by mistake takes no wording off everybody's screen. */
  async withdrawByKey(): Promise<void> {
    if (this.store.can('run')) await this.withdraw();
  }

  /** Back to writing. */
  async withdraw(): Promise<void> {
    const { item } = this.store;
    if (item && this.mayWithdraw) await this.store.run('readback.withdraw', { item: item.id });
  }

  async record(): Promise<void> {
    const { store } = this;
    const item = store.item;
    if (!item?.read_back || !store.can('record')) return;
    // The wording stood on this screen, frozen: there is no other one to be told apart from it.
    const outcome = await store.run('decision.record', { item: item.id, version: item.draft.version, text: null }, { quiet: true });
    if (!outcome.ok) store.toast(outcome.code === 'stale' ? words.recordChanged() : store.sentence(outcome));
  }

  readonly mayReopen = $derived.by(() => this.store.item?.decision?.state === 'recorded' && this.store.item.state === 'open' && this.store.running && this.store.can('record'));

  async reopen(): Promise<void> {
    const { item } = this.store;
    if (item && this.mayReopen) await this.store.run('decision.reopen', { item: item.id });
  }
}
