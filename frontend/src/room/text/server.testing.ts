/** The server's end of a text, in memory: one document, numbered updates, and lines that can be cut or muddled. */
import { fromBase64, toBase64 } from 'lib0/buffer';
import * as Y from 'yjs';
import { itemId } from '../fixtures.testing';
import { LONGEST_TEXT, type Field, type TextFrame, type TextRefusal } from './frames';
import { TextSession } from './session';

interface Message {
  do: string;
  id?: string;
  sv?: string;
  data?: string;
}

/** One page with its session and its line. */
export class Page {
  readonly session: TextSession;
  up = false;
  /** What the page wrote, and frames on their way to it. */
  wrote: Message[] = [];
  inbox: TextFrame[] = [];
  /** Messages on their way to the server; a cut loses them. */
  outbox: Message[] = [];
  changes = 0;

  constructor(
    readonly far: FarText,
    readonly by: string,
    allowed = true,
  ) {
    this.session = new TextSession(far.item, far.field, { tell: (message) => this.tell(message as Message), changed: () => (this.changes += 1) });
    this.session.allow(allowed);
  }

  private tell(message: Message): boolean {
    if (!this.up) return false;
    this.wrote.push(message);
    this.outbox.push(message);
    return true;
  }

  connect(): void {
    this.up = true;
    this.session.lineUp();
  }

  /** The line dies; what was on its way is lost, or had arrived. */
  cut(arrives = 0): void {
    for (const message of this.outbox.splice(0, arrives)) this.far.hear(this, message);
    this.outbox = [];
    this.inbox = [];
    this.up = false;
    this.far.joined.delete(this);
    this.session.lineDown();
  }

  /** Let some of what is on its way arrive. */
  carry(messages = Infinity, frames = Infinity): void {
    for (const message of this.outbox.splice(0, messages)) this.far.hear(this, message);
    for (const frame of this.inbox.splice(0, frames)) this.session.hear(frame);
  }

  type(words: string, at = this.session.text.length, length = 0): void {
    this.session.type(at, length, words);
  }
}

export class FarText {
  readonly item = itemId(1);
  doc = new Y.Doc();
  n = 0;
  frozen = false;
  editable = true;
  /** Refuse the next updates with this. */
  refuse: TextRefusal | null = null;
  barred = false;
  readonly joined = new Set<Page>();
  pages: Page[] = [];

  constructor(readonly field: Field = 'recommendation') {}

  get plain(): string {
    return this.doc.getText('text').toString();
  }

  page(by = `person ${this.pages.length}`): Page {
    const page = new Page(this, by);
    this.pages.push(page);
    return page;
  }

  private about() {
    return { item: this.item, field: this.field };
  }

  private give(page: Page, frame: TextFrame): void {
    page.inbox.push(frame);
  }

  freeze(frozen: boolean): void {
    this.frozen = frozen;
    for (const page of this.joined) this.give(page, { t: 'text.frozen', ...this.about(), frozen, n: this.n });
  }

  hear(page: Page, message: Message): void {
    const { item, field } = this;
    switch (message.do) {
      case 'text.join':
        if (this.barred) {
          this.give(page, { t: 'text.refused', id: null, item, field, code: 'forbidden', message: 'not yours' });
          break;
        }
        this.joined.add(page);
        this.give(page, {
          t: 'text.state',
          item,
          field,
          n: this.n,
          frozen: this.frozen,
          editable: this.editable,
          data: toBase64(Y.encodeStateAsUpdate(this.doc, fromBase64(message.sv!))),
          sv: toBase64(Y.encodeStateVector(this.doc)),
        });
        break;
      case 'text.leave':
        this.joined.delete(page);
        break;
      case 'text.update':
        this.update(page, message.id!, message.data!);
        break;
      case 'text.caret':
        for (const other of this.joined) if (other !== page) this.give(other, { t: 'text.caret', item, field, by: page.by, name: page.by, data: message.data! });
        break;
    }
  }

  private update(page: Page, id: string, data: string): void {
    const { item, field } = this;
    const tried = new Y.Doc();
    Y.applyUpdate(tried, Y.encodeStateAsUpdate(this.doc));
    Y.applyUpdate(tried, fromBase64(data));
    const code = this.refuse ?? (this.frozen ? 'frozen' : tried.getText('text').length > LONGEST_TEXT ? 'too_long' : null);
    if (code) {
      this.give(page, { t: 'text.refused', id, item, field, code, message: `refused: ${code}` });
      return;
    }
    Y.applyUpdate(this.doc, fromBase64(data));
    this.n += 1;
    this.give(page, { t: 'text.saved', id, item, field, n: this.n });
    for (const other of this.joined) if (other !== page) this.give(other, { t: 'text.update', item, field, n: this.n, data, by: page.by });
  }
}
