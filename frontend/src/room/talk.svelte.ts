/** What is said beside an item: chat at the table and late remarks, fetched when they are looked at. */
import { SvelteMap } from 'svelte/reactivity';
import type { Id, Item, Remark } from './protocol';
import type { RoomStore } from './room.svelte';
import type { RoomState } from './state';

export class Talk {
  /** The list is unfolded and can be seen. */
  open = $state(false);
  remarks = $state.raw<{ item: Id; count: number; list: Remark[] } | null>(null);
  unreachable = $state(false);
  /** What is being typed, by item: it never goes with another one. */
  private readonly typed = new SvelteMap<Id, string>();
  /** How many remarks of each item were seen here, or were there when one came in. */
  private readonly seen = new SvelteMap<Id, number>();
  private asking: string | null = null;

  constructor(
    private readonly store: RoomStore,
    private readonly fetch: (item: Id) => Promise<Remark[]>,
  ) {}

  private count(item: Item): number {
    return (item.talk?.chat ?? 0) + (item.talk?.late ?? 0);
  }

  unread(item: Item): boolean {
    return this.count(item) > (this.seen.get(item.id) ?? 0);
  }

  /** The list of the item that is looked at, as far as it is known. */
  get list(): Remark[] {
    return this.remarks && this.remarks.item === this.store.viewed ? this.remarks.list : [];
  }

  /** A frame came in, or another item is looked at. */
  meet(before: RoomState | null, state: RoomState, item: Item | null): void {
    // What was said before one came in is not news.
    if (!before) for (const each of state.room.items) this.seen.set(each.id, this.count(each));
    if (this.open && item && !state.you.guest) void this.look(item);
  }

  unfold(open: boolean): void {
    this.open = open;
    if (open && this.store.item) void this.look(this.store.item);
  }

  /** The line is back: ask once more for what could not be had. */
  again(): void {
    if (this.unreachable && this.open && this.store.item) void this.look(this.store.item);
  }

  private async look(item: Item): Promise<void> {
    const count = this.count(item);
    if (this.remarks?.item === item.id && this.remarks.count === count && !this.unreachable) {
      this.seen.set(item.id, count);
      return;
    }
    const asked = `${item.id} ${count}`;
    if (this.asking === asked) return;
    this.asking = asked;
    try {
      const list = await this.fetch(item.id);
      if (this.asking !== asked) return;
      this.unreachable = false;
      this.remarks = { item: item.id, count, list };
      this.seen.set(item.id, count);
    } catch {
      if (this.asking === asked) this.unreachable = true;
    } finally {
      if (this.asking === asked) this.asking = null;
    }
  }

  draftOf(item: Id): string {
    return this.typed.get(item) ?? '';
  }

  write(item: Id, text: string): void {
    if (text) this.typed.set(item, text);
    else this.typed.delete(item);
  }

  get hasUnsent(): boolean {
    return [...this.typed.values()].some((text) => text.trim() !== '');
  }

  /** Send what was typed for the item; it stays in the box until the server has it. */
  async say(item: Id): Promise<void> {
    const text = this.draftOf(item).trim();
    if (!text) return;
    const outcome = await this.store.run('remark.say', { item, text });
    if (outcome.ok && this.draftOf(item).trim() === text) this.typed.delete(item);
  }
}
