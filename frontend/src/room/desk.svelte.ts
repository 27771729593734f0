/** What this person writes: editor and texts of the item that is looked at, and of each with words not yet saved. */
import { DraftEditor, type DraftLine } from './draft';
import type { Id, Item, Room } from './protocol';
import { itemById } from './state';
import type { Field } from './text/frames';
import type { TextLine } from './text/session';
import { Texts } from './text/texts.svelte';

/** How long the wish to write waits for the text, in ms. */
const WISH_FOR = 4_000;

export class Desk {
  /** The item whose text takes the focus as soon as it can be written; what is typed until then waits in `typedAhead`. */
  wantsToWrite = $state<Id | null>(null);

  private typedAhead = '';
  private readonly editors = new Map<Id, DraftEditor>();
  private changes = $state(0);

  readonly texts: Texts;

  constructor(private readonly line: Omit<DraftLine, 'changed'> & Pick<TextLine, 'tell'>) {
    this.texts = new Texts(line.tell);
  }

  /** The editor of an item; whoever reads it while drawing is drawn again when it changes. */
  of(item: Id | null): DraftEditor | null {
    void this.changes;
    return item === null ? null : (this.editors.get(item) ?? null);
  }

  /** Bring the editors in line with the room. */
  meet(room: Room, viewed: Item | null, mayWrite: (item: Item, field?: Field) => boolean): void {
    if (viewed && !this.editors.has(viewed.id)) {
      const { fetch, save } = this.line;
      this.editors.set(viewed.id, new DraftEditor(viewed.id, { fetch, save, changed: () => (this.changes += 1) }));
    }
    for (const [id, editor] of this.editors) {
      const item = itemById(room, id);
      if (id !== viewed?.id && editor.mine === null) {
        editor.dispose();
        this.editors.delete(id);
      } else if (item) {
        editor.meet(item.draft.version, mayWrite(item), item.version);
      }
    }
    this.texts.meet(room, viewed, mayWrite);
    this.changes += 1;
  }

  /** The line is back. */
  again(): void {
    for (const editor of this.editors.values()) editor.again();
  }

  dispose(): void {
    for (const editor of this.editors.values()) editor.dispose();
    this.texts.dispose();
  }

  /** Items with words of this person that the server does not have. */
  get unsaved(): Set<Id> {
    void this.changes;
    const editors = [...this.editors.values()].filter((editor) => editor.mine !== null);
    return new Set([...editors, ...this.texts.unsaved].map(({ item }) => item));
  }

  /** Those words, to be read and copied. */
  wordsOf(item: Id): string {
    const { steps = [], deviation = '', agreed } = this.of(item)?.mine ?? {};
    const typed = this.texts.unsaved.filter((session) => session.item === item).map((session) => session.lacking());
    return [...steps.map((step) => step.text), ...typed, deviation, ...(agreed?.actions ?? []).map(({ text }) => text)].filter((part) => part.trim()).join('\n');
  }

  /** Settled when all that was typed on an item is stored; false when it cannot be now. */
  async flush(item: Id): Promise<boolean> {
    const stored = await Promise.all([this.of(item)?.save() ?? true, this.texts.flush(item)]);
    return stored.every((one) => one);
  }

  /** The text should take the focus when it can be written. */
  wish(item: Id): void {
    this.typedAhead = '';
    this.wantsToWrite = item;
    setTimeout(() => {
      if (this.wantsToWrite === item) this.wantsToWrite = null;
    }, WISH_FOR);
  }

  /** A key pressed while the text is on its way: meant for it, never a command. */
  typeAhead(key: string): void {
    if (key === 'Escape') this.wantsToWrite = null;
    else if (key === 'Backspace') this.typedAhead = this.typedAhead.slice(0, -1);
    else if (key === 'Enter') this.typedAhead += '\n';
    else if ([...key].length === 1) this.typedAhead += key;
  }

  /** Once, when the field of the item's text should take the focus: what was typed for it already. */
  takeWish(item: Id): string | null {
    if (this.wantsToWrite === null) return null;
    const granted = this.wantsToWrite === item;
    this.wantsToWrite = null;
    return granted ? this.typedAhead : null;
  }
}
