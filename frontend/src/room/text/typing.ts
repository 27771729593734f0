/** A textarea and a shared text, kept equal: what is typed goes into the text, what others type into the area. */
import * as Y from 'yjs';
import { LONGEST_TEXT } from './frames';
import type { TextSession } from './session';

export interface Change {
  at: number;
  length: number;
  words: string;
}

const HALVES = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
const first = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const second = (unit: number) => unit >= 0xdc00 && unit < 0xe000;

/** What turned one text into another, where the caret stands behind it; null when nothing did. */
export function changeBetween(before: string, after: string, caret: number): Change | null {
  if (before === after) return null;
  // Of "aaa" made "aaaa" only the caret knows which one is new: what stands behind it stood there before.
  const most = Math.min(before.length, after.length);
  const behind = Math.max(0, Math.min(most, after.length - caret));
  let tail = 0;
  while (tail < behind && before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)) tail += 1;
  let head = 0;
  while (head < most - tail && before.charCodeAt(head) === after.charCodeAt(head)) head += 1;
  while (tail < most - head && before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)) tail += 1;
  // Never between the halves of a character.
  if (head > 0 && first(before.charCodeAt(head - 1))) head -= 1;
  if (tail > 0 && second(before.charCodeAt(before.length - tail))) tail -= 1;
  return { at: head, length: before.length - tail - head, words: after.slice(head, after.length - tail) };
}

type Delta = { retain?: number; insert?: unknown; delete?: number }[];

/** Where a place in a text is after a change of others. What is put right at it stands behind it. */
export function moved(place: number, delta: Delta): number {
  let at = 0;
  let result = place;
  for (const { retain = 0, insert, delete: gone = 0 } of delta) {
    if (at > result || (at === result && typeof insert === 'string')) break;
    if (typeof insert === 'string') {
      result += insert.length;
      at += insert.length;
    } else if (gone) {
      result = Math.max(at, result - gone);
    } else {
      at += retain;
    }
  }
  return result;
}

/** What a text can hold: no NUL and no half of a character, which a paste may bring. */
export const clean = (words: string) => words.replaceAll('\0', '').replace(HALVES, '\uFFFD');

export class Typing {
  /** What area and text last agreed on. */
  private agreed: string;
  private composing = false;
  /** Changes of others that wait for the end of a composition. */
  private waiting: Delta[] = [];
  private readonly text: Y.Text;

  constructor(
    private readonly area: HTMLTextAreaElement,
    private readonly session: TextSession,
  ) {
    this.text = session.text;
    this.agreed = area.value = this.text.toString();
    this.text.observe(this.heard);
    area.addEventListener('beforeinput', this.before);
    area.addEventListener('input', this.typed);
    area.addEventListener('compositionstart', this.begun);
    area.addEventListener('compositionend', this.ended);
    area.addEventListener('keydown', this.pressed);
    area.addEventListener('focus', this.tellCaret);
    area.addEventListener('blur', this.hideCaret);
    area.ownerDocument.addEventListener('selectionchange', this.tellCaret);
  }

  destroy(): void {
    this.text.unobserve(this.heard);
    const { area } = this;
    area.removeEventListener('beforeinput', this.before);
    area.removeEventListener('input', this.typed);
    area.removeEventListener('compositionstart', this.begun);
    area.removeEventListener('compositionend', this.ended);
    area.removeEventListener('keydown', this.pressed);
    area.removeEventListener('focus', this.tellCaret);
    area.removeEventListener('blur', this.hideCaret);
    area.ownerDocument.removeEventListener('selectionchange', this.tellCaret);
    // A composition that was never ended was typed all the same.
    this.ended();
    this.hideCaret();
  }

  /** Something was typed, pasted, dropped, corrected. */
  private readonly typed = (): void => {
    // While others' words wait, places here are not those of the text.
    if (this.composing && this.waiting.length) return;
    const { area, session } = this;
    if (session.text !== this.text || !session.writable) {
      this.show(area.selectionStart, area.selectionEnd);
      return;
    }
    const change = changeBetween(this.agreed, area.value, area.selectionEnd);
    if (!change) return;
    let { at, length } = change;
    let end = at + length;
    for (const delta of this.waiting) {
      at = moved(at, delta);
      end = Math.max(at, moved(end, delta));
    }
    length = end - at;
    const words = clean(change.words).slice(0, LONGEST_TEXT - this.text.length + length);
    const plain = !this.waiting.length && words === change.words;
    this.waiting = [];
    this.agreed = area.value;
    session.type(at, length, words);
    if (plain) this.tellCaret();
    else this.show(at + words.length, at + words.length);
  };

  /** Others typed, or something was undone. */
  private readonly heard = (event: Y.YTextEvent, transaction: Y.Transaction): void => {
    if (transaction.local && transaction.origin !== this.session.undo && this.area.value === this.text.toString()) {
      this.agreed = this.area.value;
      return;
    }
    const delta = event.delta as Delta;
    if (this.composing) {
      this.waiting.push(delta);
      return;
    }
    const undone = transaction.origin === this.session.undo;
    let { selectionStart: start, selectionEnd: end } = this.area;
    start = moved(start, delta);
    end = moved(end, delta);
    if (undone) start = end = ended(delta);
    this.show(start, end);
  };

  private show(start: number, end: number): void {
    const { area } = this;
    const direction = area.selectionDirection;
    this.agreed = this.text.toString();
    if (area.value !== this.agreed) area.value = this.agreed;
    // Outside the focus a selection would scroll the page in some browsers.
    if (area.ownerDocument.activeElement === area) area.setSelectionRange(start, end, direction);
    this.tellCaret();
  }

  private readonly begun = (): void => {
    this.composing = true;
  };

  private readonly ended = (): void => {
    if (!this.composing) return;
    this.composing = false;
    if (this.area.value !== this.agreed) this.typed();
    else if (this.waiting.length) {
      let { selectionStart: start, selectionEnd: end } = this.area;
      for (const delta of this.waiting) [start, end] = [moved(start, delta), moved(end, delta)];
      this.waiting = [];
      this.show(start, end);
    }
  };

  /** Undo is one's own: the browser's would undo what others wrote. */
  private readonly before = (event: InputEvent): void => {
    if (event.inputType === 'historyUndo') this.turn(event, 'undo');
    else if (event.inputType === 'historyRedo') this.turn(event, 'redo');
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === 'z') this.turn(event, event.shiftKey ? 'redo' : 'undo');
    else if (key === 'y' && !event.shiftKey) this.turn(event, 'redo');
  };

  private turn(event: Event, way: 'undo' | 'redo'): void {
    event.preventDefault();
    if (this.session.writable && !this.composing) this.session.undo[way]();
  }

  private readonly tellCaret = (): void => {
    const { area, session } = this;
    if (area.ownerDocument.activeElement !== area || session.text !== this.text || this.composing) return;
    const backward = area.selectionDirection === 'backward';
    const [anchor, head] = backward ? [area.selectionEnd, area.selectionStart] : [area.selectionStart, area.selectionEnd];
    session.carets.place({ anchor, head });
  };

  private readonly hideCaret = (): void => {
    if (this.session.text === this.text) this.session.carets.place(null);
  };
}

/** Where a change ends: the caret stands there after it was undone. */
function ended(delta: Delta): number {
  let at = 0;
  let end = 0;
  for (const { retain = 0, insert, delete: gone } of delta) {
    if (typeof insert === 'string') end = at += insert.length;
    else if (gone) end = at;
    else at += retain;
  }
  return end;
}
