/** The texts that this page has: both of the item that is looked at, and each with words that are nowhere else. */
import type { Id, Item, OtherFrame, Room } from '../protocol';
import { itemById } from '../state';
import { FIELDS, readTextFrame, type Field } from './frames';
import { TextSession, type TextLine } from './session';

export class Texts {
  private readonly sessions = new Map<string, TextSession>();
  /** State and version of an item when its texts were last asked for. */
  private readonly turns = new Map<Id, string>();
  private up = false;
  private stirred = false;
  private changes = $state(0);

  constructor(private readonly tell: TextLine['tell']) {}

  /** One text of an item; whoever reads it while drawing is drawn again when it changes. */
  of(item: Id | null, field: Field): TextSession | null {
    void this.changes;
    return item === null ? null : (this.sessions.get(`${item} ${field}`) ?? null);
  }

  /** Bring the texts in line with the room. */
  meet(room: Room, viewed: Item | null, mayWrite: (item: Item, field: Field) => boolean): void {
    if (viewed) for (const field of FIELDS) this.begin(viewed.id, field);
    for (const [key, session] of this.sessions) {
      const item = itemById(room, session.item);
      if (session.item !== viewed?.id && !session.unsaved) {
        session.leave();
        this.sessions.delete(key);
      } else {
        session.allow(item !== null && mayWrite(item, session.field));
      }
    }
    this.askAnew(room);
    this.changes += 1;
  }

  /** Drawn a moment later, and once for many: a field that is taken away says that its caret left while the page is being drawn. */
  private readonly changed = (): void => {
    if (this.stirred) return;
    this.stirred = true;
    queueMicrotask(() => {
      this.stirred = false;
      this.changes += 1;
    });
  };

  private begin(item: Id, field: Field): void {
    const key = `${item} ${field}`;
    if (this.sessions.has(key)) return;
    const session = new TextSession(item, field, { tell: this.tell, changed: this.changed });
    this.sessions.set(key, session);
    if (this.up) session.join();
  }

  /** An item that was opened, closed or recorded may be written by others than before. */
  private askAnew(room: Room): void {
    const items = new Set([...this.sessions.values()].map((session) => session.item));
    for (const id of this.turns.keys()) if (!items.has(id)) this.turns.delete(id);
    for (const id of items) {
      const item = itemById(room, id);
      const turn = JSON.stringify([room.meeting.state, item?.state, item?.decision?.state]);
      const before = this.turns.get(id);
      this.turns.set(id, turn);
      if (before === undefined || before === turn || !this.up) continue;
      for (const field of FIELDS) this.sessions.get(`${id} ${field}`)?.join();
    }
  }

  hear(frame: OtherFrame): void {
    const about = readTextFrame(frame);
    if (about) this.sessions.get(`${about.item} ${about.field}`)?.hear(about);
  }

  lineUp(): void {
    this.up = true;
    for (const session of this.sessions.values()) session.lineUp();
  }

  lineDown(): void {
    this.up = false;
    for (const session of this.sessions.values()) session.lineDown();
  }

  /** Settled when the texts of an item are stored as they stand here; false when they cannot be now. */
  async flush(item: Id): Promise<boolean> {
    const stored = await Promise.all(FIELDS.map((field) => this.sessions.get(`${item} ${field}`)?.flush() ?? true));
    return stored.every((one) => one);
  }

  /** Texts with words that only this page has. */
  get unsaved(): TextSession[] {
    void this.changes;
    return [...this.sessions.values()].filter((session) => session.unsaved);
  }

  dispose(): void {
    for (const session of this.sessions.values()) session.dispose();
    this.sessions.clear();
  }
}
