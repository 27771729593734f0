/**
 * One text that several people type at once, as this page has it: a Yjs document, what of it the server has
 * acknowledged, and the way from one to the other. Typing goes into the document at once and to the server within
 * `SEND_AFTER`; it counts as saved when the server has said so. A cut keeps everything here and sends it when the
 * line is back. Words that the server will not take any more, because the text was read back or recorded, are
 * taken out of the document and kept apart.
 */
import { fromBase64, toBase64 } from 'lib0/buffer';
import * as Y from 'yjs';
import { newId } from '../ids';
import type { Id } from '../protocol';
import { Carets } from './carets';
import { LONGEST_UPDATE, type Field, type TextFrame, type TextRefused, type TextState } from './frames';
import { cut, fitting, wordsBeyond } from './pieces';

/** All in ms: how long typing is gathered, how long an answer is waited for, the wait after a busy server. */
export const SEND_AFTER = 80;
export const ANSWER_WITHIN = 8_000;
export const RETRY = 1_500;
/** What is not acknowledged for so long is called not saved. */
export const SLOW = 2_500;
/** How long a hole in the numbers of updates is given to fill. */
export const HOLE_FOR = 1_500;
/** How long `flush` waits. */
export const FLUSH_WITHIN = 6_000;

export type TextSaving = 'saved' | 'saving' | 'unsaved';

export interface TextLine {
  /** Write a message; false when there is no line, and then it is gone. */
  tell(message: object): boolean;
  /** Something to show has changed. */
  changed(): void;
}

/** Origins of changes: heard from the server, typed here. */
const HEARD = 'heard';
const TYPED = 'typed';

/** Is this update all that a document with this state vector holds? */
function isWhole(update: Uint8Array, sv: Uint8Array): boolean {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  const reached = Y.decodeStateVector(Y.encodeStateVector(doc));
  doc.destroy();
  return [...Y.decodeStateVector(sv)].every(([client, clock]) => (reached.get(client) ?? 0) >= clock);
}

export class TextSession {
  doc!: Y.Doc;
  text!: Y.Text;
  carets!: Carets;
  undo!: Y.UndoManager;
  /** Rises when the document is another one than before. */
  edition = 0;
  /** Every update up to this one is in the document. */
  n = 0;
  /** The text as the server holds it has been here once. */
  loaded = false;
  frozen = false;
  editable = false;
  /** This person may not read the text, or not any more. */
  barred = false;
  /** Words of this page that the text will not hold. */
  kept = '';
  /** What the server said to the last attempt to save. */
  problem = '';

  private joined = false;
  private renewing = false;
  private allowed = false;
  private acknowledged = new Map<number, number>();
  private queue: Uint8Array[] = [];
  private flight: { id: Id; parts: Uint8Array[] } | null = null;
  /** Refused as it stands: waits until something else is typed. */
  private held = false;
  private oldest: number | null = null;
  /** Where the last key was pressed, and whether it typed or deleted. */
  private last: { end: number; typed: boolean } | null = null;
  private readonly early = new Set<number>();
  private readonly timers = new Map<'send' | 'answer' | 'hole' | 'slow', ReturnType<typeof setTimeout>>();
  private waiting: ((stored: boolean) => void)[] = [];

  constructor(
    readonly item: Id,
    readonly field: Field,
    private readonly line: TextLine,
  ) {
    this.open();
  }

  // What is shown

  get plain(): string {
    return this.text.toString();
  }

  /** May this page write into the text now. */
  get writable(): boolean {
    return this.allowed && this.loaded && this.editable && !this.frozen && !this.renewing && !this.barred;
  }

  /** Words typed here that the server has not acknowledged. */
  get pending(): boolean {
    return this.queue.length > 0 || this.flight !== null;
  }

  /** There is something here that is nowhere else. */
  get unsaved(): boolean {
    return this.pending || this.kept !== '';
  }

  get saving(): TextSaving {
    if (!this.pending) return 'saved';
    const slow = this.oldest !== null && Date.now() - this.oldest >= SLOW;
    return this.joined && !this.problem && !slow ? 'saving' : 'unsaved';
  }

  /** The words that only this page has. */
  lacking(): string {
    return [this.kept, this.pending ? wordsBeyond(this.text, this.acknowledged) : ''].filter((part) => part).join(' … ');
  }

  // What one does

  /** Replace `length` characters at `at`, as typed here. */
  type(at: number, length: number, words: string): void {
    // One undo takes back what was typed in one go in one place: not a paste, a line or a deletion with it.
    const single = words.length + length <= 1 && words !== '\n';
    const goesOn = single && this.last !== null && (words ? at === this.last.end && this.last.typed : !this.last.typed && (at === this.last.end || at + 1 === this.last.end));
    if (!goesOn) this.undo.stopCapturing();
    this.last = single ? { end: at + words.length, typed: words !== '' } : null;
    this.doc.transact(() => {
      if (length) this.text.delete(at, length);
      if (words) this.text.insert(at, words);
    }, TYPED);
  }

  /** Words from elsewhere put at the end, on a line of their own. */
  append(words: string): void {
    const end = this.text.length;
    this.type(end, 0, end && !this.plain.endsWith('\n') ? `\n${words}` : words);
  }

  /** Put the kept words at the end of the text, now that it takes words again. */
  putBack(): void {
    const words = this.kept;
    if (!words || !this.writable) return;
    this.kept = '';
    this.append(words);
  }

  /** Let the kept words go, knowingly. */
  letGo(): void {
    this.kept = '';
    this.line.changed();
  }

  /** Send what is typed now; true when the server has all of it, false when it cannot have it now. */
  flush(): Promise<boolean> {
    if (!this.pending) return Promise.resolve(true);
    if (!this.joined || this.held) return Promise.resolve(false);
    return new Promise((resolve) => {
      const late = setTimeout(() => answer(false), FLUSH_WITHIN);
      const answer = (stored: boolean) => {
        clearTimeout(late);
        resolve(stored);
      };
      this.waiting.push(answer);
      this.send();
    });
  }

  /** Tell what frames say about the item: may it be written here now. */
  allow(allowed: boolean): void {
    if (this.allowed === allowed) return;
    this.allowed = allowed;
    this.line.changed();
  }

  /** Ask for the text, or for what has become of it. */
  join(): void {
    this.joined = false;
    if (this.flight) this.queue.unshift(...this.flight.parts);
    this.flight = null;
    const sv = this.renewing ? Uint8Array.of(0) : Y.encodeStateVector(this.doc);
    if (this.line.tell({ do: 'text.join', item: this.item, field: this.field, sv: toBase64(sv) })) {
      this.after('answer', ANSWER_WITHIN, () => this.join());
    }
    this.line.changed();
  }

  /** A new line speaks. */
  lineUp(): void {
    this.carets.anew();
    this.barred = false;
    this.join();
  }

  /** The line is gone. */
  lineDown(): void {
    this.joined = false;
    this.stop('answer');
    this.answerWaiting(false);
    this.line.changed();
  }

  /** The page looks elsewhere. */
  leave(): void {
    this.carets.leave();
    this.line.tell({ do: 'text.leave', item: this.item, field: this.field });
    this.dispose();
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    this.answerWaiting(false);
    this.doc.destroy();
  }

  // What is heard

  hear(frame: TextFrame): void {
    switch (frame.t) {
      case 'text.state':
        this.hearState(frame);
        break;
      case 'text.update':
        this.apply(fromBase64(frame.data));
        this.count(frame.n);
        break;
      case 'text.saved':
        this.count(frame.n);
        if (this.flight?.id === frame.id) this.stored();
        break;
      case 'text.refused':
        this.refused(frame);
        break;
      case 'text.caret':
        this.carets.hear(fromBase64(frame.data), frame.by, frame.name);
        break;
      case 'text.frozen':
        this.frozen = frame.frozen;
        if (!this.frozen) this.join();
        // An update on its way may have been in time: its answer decides.
        else if (this.queue.length && !this.flight) this.renew();
        break;
    }
    this.line.changed();
  }

  private hearState({ n, frozen, editable, data, sv }: TextState): void {
    // While the whole is awaited, an answer to an earlier question may come, and be the only one: it is but a part.
    if (this.renewing && !isWhole(fromBase64(data), fromBase64(sv))) {
      this.join();
      return;
    }
    this.stop('answer');
    this.stop('hole');
    this.acknowledged = Y.decodeStateVector(fromBase64(sv));
    this.frozen = frozen;
    this.editable = editable;
    this.barred = false;
    if (this.renewing) this.replace();
    this.apply(fromBase64(data));
    this.joined = this.loaded = true;
    this.n = n;
    for (const number of this.early) if (number <= n) this.early.delete(number);
    this.count(n);
    if (this.flight) this.queue.unshift(...this.flight.parts);
    this.flight = null;
    this.queue = this.queue.map((update) => Y.diffUpdate(update, fromBase64(sv))).filter((update) => update.length > 2);
    const ahead = [...Y.decodeStateVector(Y.encodeStateVector(this.doc))].some(([client, clock]) => clock > (this.acknowledged.get(client) ?? 0));
    if (!ahead && !this.queue.length) {
      this.settled();
    } else if (frozen || !editable) {
      this.renew();
    } else {
      // A server that lost something (an old copy put back) gets that too, whoever typed it.
      if (ahead) this.queue = cut(Y.encodeStateAsUpdate(this.doc, fromBase64(sv)), LONGEST_UPDATE);
      this.send();
    }
  }

  private refused({ id = null, code, message }: TextRefused): void {
    if (id === null) this.notJoined(code);
    else if (this.flight?.id === id) {
      this.stop('answer');
      this.queue.unshift(...this.flight.parts);
      this.flight = null;
      if (code === 'frozen' || code === 'forbidden' || code === 'not_found') {
        if (code === 'frozen') this.frozen = true;
        else this.editable = false;
        this.renew();
      } else {
        this.problem = message;
        this.held = code === 'too_long' || code === 'invalid';
        if (this.held) this.answerWaiting(false);
        // It may be that the server has forgotten that we follow the text: joining anew sends it again.
        else this.after('answer', RETRY, () => this.join());
      }
    }
  }

  private notJoined(code: TextRefused['code']): void {
    this.stop('answer');
    if (code === 'unavailable' || code === 'too_fast') {
      this.after('answer', RETRY, () => this.join());
      return;
    }
    this.barred = true;
    this.editable = false;
    if (this.pending || this.loaded) this.replace();
    this.loaded = this.renewing = false;
  }

  // The way to the server

  private readonly wrote = (update: Uint8Array, origin: unknown): void => {
    if (origin !== HEARD) {
      this.queue.push(update);
      this.held = false;
      this.problem = '';
      this.oldest ??= Date.now();
      if (!this.timers.has('slow')) this.after('slow', SLOW, () => this.line.changed());
      if (!this.timers.has('send')) this.after('send', SEND_AFTER, () => this.send());
    }
    this.line.changed();
  };

  private send(): void {
    this.stop('send');
    if (!this.joined || this.flight || this.held || this.frozen || this.renewing || !this.queue.length) return;
    const pieces = this.queue.flatMap((update) => cut(update, LONGEST_UPDATE));
    const count = fitting(pieces, LONGEST_UPDATE);
    const parts = pieces.slice(0, count);
    const id = newId();
    if (!this.line.tell({ do: 'text.update', id, item: this.item, field: this.field, data: toBase64(Y.mergeUpdates(parts)) })) return;
    this.queue = pieces.slice(count);
    this.flight = { id, parts };
    this.after('answer', ANSWER_WITHIN, () => this.join());
    this.line.changed();
  }

  private stored(): void {
    this.stop('answer');
    for (const part of this.flight?.parts ?? []) this.acknowledge(part);
    this.flight = null;
    this.problem = '';
    this.oldest = this.queue.length ? Date.now() : null;
    if (!this.queue.length) this.settled();
    else if (this.frozen) this.renew();
    else this.send();
  }

  private settled(): void {
    this.oldest = null;
    this.problem = '';
    this.stop('slow');
    this.answerWaiting(true);
  }

  private answerWaiting(stored: boolean): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const answer of waiting) answer(stored);
  }

  private acknowledge(update: Uint8Array): void {
    for (const [client, clock] of Y.parseUpdateMeta(update).to) {
      this.acknowledged.set(client, Math.max(clock, this.acknowledged.get(client) ?? 0));
    }
  }

  private apply(data: Uint8Array): void {
    Y.applyUpdate(this.doc, data, HEARD);
    this.acknowledge(data);
  }

  /** An update of this number is in the document. A hole that does not fill is asked for. */
  private count(n: number): void {
    if (n > this.n) this.early.add(n);
    while (this.early.delete(this.n + 1)) this.n += 1;
    if (!this.early.size) this.stop('hole');
    else if (!this.timers.has('hole')) this.after('hole', HOLE_FOR, () => this.join());
  }

  // Another document

  /** What this page has and the server will not take has to leave the text: ask for the whole of it as it stands there. */
  private renew(): void {
    this.renewing = true;
    this.answerWaiting(false);
    this.join();
  }

  private replace(): void {
    const words = this.pending ? wordsBeyond(this.text, this.acknowledged) : '';
    this.kept = [this.kept, words].filter((part) => part).join(' … ');
    this.queue = [];
    this.flight = null;
    this.held = this.renewing = false;
    this.carets.leave();
    this.doc.destroy();
    this.open();
    this.settled();
  }

  private open(): void {
    this.doc = new Y.Doc();
    this.text = this.doc.getText('text');
    this.undo = new Y.UndoManager(this.text, { trackedOrigins: new Set([TYPED]) });
    this.carets = new Carets(
      this.text,
      (data) => this.line.tell({ do: 'text.caret', item: this.item, field: this.field, data: toBase64(data) }),
      () => this.line.changed(),
    );
    this.doc.on('update', this.wrote);
    this.edition += 1;
  }

  private after(what: 'send' | 'answer' | 'hole' | 'slow', wait: number, act: () => void): void {
    this.stop(what);
    this.timers.set(
      what,
      setTimeout(() => {
        this.timers.delete(what);
        act();
      }, wait),
    );
  }

  private stop(what: 'send' | 'answer' | 'hole' | 'slow'): void {
    clearTimeout(this.timers.get(what));
    this.timers.delete(what);
  }
}
