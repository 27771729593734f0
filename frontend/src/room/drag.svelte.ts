/**
 * Dragging a row of a list to another place, with mouse or pen anywhere on the row, with a finger on its handle only:
 * elsewhere a finger scrolls. A press that does not move stays a click.
 */

/** A press becomes a drag after so many pixels; the list scrolls by itself this near its edge. */
const FAR_ENOUGH = 6;
const EDGE = 40;

export class RowDrag {
  /** The row that is held. */
  held = $state<string | null>(null);
  /** The row under the pointer, and whether the held one would come after it. */
  over = $state.raw<{ id: string; after: boolean } | null>(null);
  private start: { id: string; x: number; y: number; scroller: HTMLElement | null } | null = null;
  private dropped = false;

  constructor(
    private readonly mayDrag: (id: string) => boolean,
    private readonly drop: (id: string, over: string, after: boolean) => void,
  ) {}

  pressed(event: PointerEvent, id: string): void {
    const handle = event.target instanceof Element && event.target.closest('[data-drag-handle]');
    if (event.button !== 0 || !event.isPrimary || !this.mayDrag(id)) return;
    if (event.pointerType === 'touch' && !handle) return;
    this.dropped = false;
    const scroller = event.target instanceof Element ? event.target.closest<HTMLElement>('.pane') : null;
    this.start = { id, x: event.clientX, y: event.clientY, scroller };
    window.addEventListener('pointermove', this.moved);
    window.addEventListener('pointerup', this.released);
    window.addEventListener('pointercancel', this.cancelled);
    window.addEventListener('keydown', this.escaped, true);
  }

  /** Whether the click that ends a drag should be swallowed; asked once. */
  wasDrag(): boolean {
    const was = this.dropped;
    this.dropped = false;
    return was;
  }

  private readonly moved = (event: PointerEvent): void => {
    if (!this.start) return;
    if (this.held === null && Math.hypot(event.clientX - this.start.x, event.clientY - this.start.y) < FAR_ENOUGH) return;
    this.held = this.start.id;
    event.preventDefault();
    const { scroller } = this.start;
    if (scroller) {
      const box = scroller.getBoundingClientRect();
      if (event.clientY < box.top + EDGE) scroller.scrollBy?.(0, -8);
      if (event.clientY > box.bottom - EDGE) scroller.scrollBy?.(0, 8);
    }
    const row = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>('[data-drop]');
    if (!row) {
      this.over = null;
      return;
    }
    const { top, height } = row.getBoundingClientRect();
    const id = row.dataset['drop']!;
    this.over = id === this.held ? null : { id, after: event.clientY > top + height / 2 };
  };

  private readonly released = (): void => {
    const { held, over } = this;
    this.dropped = held !== null;
    this.end();
    if (held !== null && over) this.drop(held, over.id, over.after);
  };

  private readonly cancelled = (): void => this.end();

  private readonly escaped = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || this.held === null) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.dropped = true;
    this.end();
  };

  private end(): void {
    this.start = this.held = this.over = null;
    window.removeEventListener('pointermove', this.moved);
    window.removeEventListener('pointerup', this.released);
    window.removeEventListener('pointercancel', this.cancelled);
    window.removeEventListener('keydown', this.escaped, true);
  }
}
