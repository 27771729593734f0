/** Where people's carets stand in a text: told while one writes, never stored. */
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness';
import * as Y from 'yjs';
import type { Id } from '../protocol';

/** Between two tellings of the own caret, in ms. */
export const TELL_EVERY = 150;

export interface Caret {
  client: number;
  by: Id;
  name: string;
  anchor: number;
  head: number;
}

interface Place {
  anchor: Y.RelativePosition;
  head: Y.RelativePosition;
}

export class Carets {
  private readonly awareness: Awareness;
  private readonly owners = new Map<number, { by: Id; name: string }>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private toldAt = 0;
  private told = false;

  constructor(
    private readonly text: Y.Text,
    private readonly tell: (data: Uint8Array) => void,
    changed: () => void,
  ) {
    this.awareness = new Awareness(text.doc!);
    this.awareness.setLocalState(null);
    this.awareness.on('update', (_changes: unknown, origin: unknown) => {
      if (origin === 'local') this.soon();
    });
    this.awareness.on('change', changed);
  }

  /** The own caret moved, or left the text (null). */
  place(at: { anchor: number; head: number } | null): void {
    if (at === null) {
      if (this.awareness.getLocalState() !== null) this.awareness.setLocalState(null);
      return;
    }
    const relative = (index: number) => Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(this.text, index)) as unknown;
    const place = { anchor: relative(at.anchor), head: relative(at.head) };
    if (JSON.stringify(place) !== JSON.stringify(this.awareness.getLocalState())) this.awareness.setLocalState(place);
  }

  private soon(): void {
    this.timer ??= setTimeout(() => this.now(), Math.max(0, this.toldAt + TELL_EVERY - Date.now()));
  }

  private now(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.awareness.getLocalState() === null && !this.told) return;
    this.toldAt = Date.now();
    this.told = this.awareness.getLocalState() !== null;
    this.tell(encodeAwarenessUpdate(this.awareness, [this.awareness.clientID]));
  }

  /** Somebody's caret, as their page told it. Who it is, the server says. */
  hear(data: Uint8Array, by: Id, name: string): void {
    const known = this.awareness.states.size;
    try {
      applyAwarenessUpdate(this.awareness, data, 'line');
    } catch {
      // Another page may send anything.
      return;
    }
    for (const client of this.awareness.states.keys()) if (!this.owners.has(client)) this.owners.set(client, { by, name });
    // Whoever comes in does not know of carets that stand still.
    if (this.awareness.states.size > known && this.told) this.soon();
  }

  /** The line was made anew: those who were there may be gone, and do not know of us. */
  anew(): void {
    removeAwarenessStates(this.awareness, [...this.awareness.states.keys()].filter((client) => client !== this.awareness.clientID), 'line');
    if (this.awareness.getLocalState() !== null) this.soon();
  }

  /** The carets of others that stand in the text now, in the order of the text. */
  shown(): Caret[] {
    const carets: Caret[] = [];
    for (const [client, state] of this.awareness.states) {
      const owner = this.owners.get(client);
      if (client === this.awareness.clientID || !owner) continue;
      const anchor = this.resolve((state as Partial<Place>).anchor);
      const head = this.resolve((state as Partial<Place>).head);
      if (anchor !== null && head !== null) carets.push({ client, ...owner, anchor, head });
    }
    return carets.sort((a, b) => a.head - b.head || a.client - b.client);
  }

  /** What another page sent may be anything: a place that cannot be read is no place. */
  private resolve(relative: unknown): number | null {
    try {
      const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(relative), this.text.doc!);
      return found?.type === this.text ? found.index : null;
    } catch {
      return null;
    }
  }

  /** Take the own caret away, for everyone, and be done. */
  leave(): void {
    this.place(null);
    if (this.told) this.now();
    clearTimeout(this.timer);
    this.awareness.destroy();
    clearTimeout(this.timer);
  }
}
