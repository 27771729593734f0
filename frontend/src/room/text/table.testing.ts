/** The texts of the small room server (table.testing.ts): documents, numbered updates, who has joined. */
import { fromBase64, toBase64 } from 'lib0/buffer';
import * as Y from 'yjs';
import type { Frame, Id, Item, OtherFrame } from '../protocol';
import type { Seat } from '../table.testing';
import { FIELDS, LONGEST_TEXT, type Field } from './frames';

interface Heard {
  do: string;
  id?: Id;
  item?: Id;
  field?: Field;
  sv?: string;
  data?: string;
}

export class FarDocument {
  readonly doc = new Y.Doc();
  n = 0;
  frozen = false;
  readonly joined = new Set<Seat>();

  get plain(): string {
    return this.doc.getText('text').toString();
  }
}

export class TextTable {
  private readonly documents = new Map<string, FarDocument>();
  /** Whose pages may write. */
  editable: (item: Id) => boolean = () => true;
  /** Answer updates not at all. */
  silent = false;

  constructor(private readonly give: (seat: Seat, frame: Frame) => void) {}

  of(item: Id, field: Field = 'recommendation'): FarDocument {
    const key = `${item} ${field}`;
    const document = this.documents.get(key) ?? new FarDocument();
    this.documents.set(key, document);
    return document;
  }

  private tell(seat: Seat, frame: OtherFrame): void {
    this.give(seat, frame as unknown as Frame);
  }

  left(seat: Seat): void {
    for (const { joined } of this.documents.values()) joined.delete(seat);
  }

  /** Somebody who is nowhere types. */
  type(item: Id, words: string, at?: number): void {
    const document = this.of(item);
    const before = Y.encodeStateVector(document.doc);
    const text = document.doc.getText('text');
    text.insert(at ?? text.length, words);
    document.n += 1;
    const data = toBase64(Y.encodeStateAsUpdate(document.doc, before));
    for (const seat of document.joined) this.tell(seat, { t: 'text.update', item, field: 'recommendation', n: document.n, data, by: 'somebody' });
  }

  freeze(item: Id, field: Field, frozen: boolean): void {
    const document = this.of(item, field);
    document.frozen = frozen;
    for (const seat of document.joined) this.tell(seat, { t: 'text.frozen', item, field, frozen, n: document.n });
  }

  plain(item: Id): { text: string; discussion: string } {
    return { text: this.of(item).plain, discussion: this.of(item, 'discussion').plain };
  }

  /** What is read back or recorded rests. */
  follow(item: Item): void {
    for (const field of FIELDS) {
      const frozen = item.decision !== null || (field === 'recommendation' && !!item.read_back);
      if (this.of(item.id, field).frozen !== frozen) this.freeze(item.id, field, frozen);
    }
  }

  hear(seat: Seat, { do: what, id, item, field, sv, data }: Heard): void {
    if (!item || !field) return;
    const document = this.of(item, field);
    const { doc } = document;
    if (what === 'text.join') {
      document.joined.add(seat);
      this.tell(seat, {
        t: 'text.state',
        item,
        field,
        n: document.n,
        frozen: document.frozen,
        editable: this.editable(item),
        data: toBase64(Y.encodeStateAsUpdate(doc, fromBase64(sv!))),
        sv: toBase64(Y.encodeStateVector(doc)),
      });
    } else if (what === 'text.leave') {
      document.joined.delete(seat);
    } else if (what === 'text.caret') {
      for (const other of document.joined) if (other !== seat) this.tell(other, { t: 'text.caret', item, field, by: seat.you.person, name: seat.you.name, data });
    } else if (what === 'text.update' && !this.silent) {
      const tried = new Y.Doc();
      Y.applyUpdate(tried, Y.encodeStateAsUpdate(doc));
      Y.applyUpdate(tried, fromBase64(data!));
      const code = document.frozen ? 'frozen' : this.editable(item) ? (tried.getText('text').length > LONGEST_TEXT ? 'too_long' : null) : 'forbidden';
      if (code) {
        this.tell(seat, { t: 'text.refused', id, item, field, code, message: `refused: ${code}` });
        return;
      }
      Y.applyUpdate(doc, fromBase64(data!));
      document.n += 1;
      this.tell(seat, { t: 'text.saved', id, item, field, n: document.n });
      for (const other of document.joined) if (other !== seat) this.tell(other, { t: 'text.update', item, field, n: document.n, data, by: seat.you.person });
    }
  }
}
