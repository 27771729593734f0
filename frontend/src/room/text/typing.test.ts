import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import { partsOf } from './drawing';
import { LONGEST_TEXT } from './frames';
import { cut, wordsBeyond } from './pieces';
import { FarText, type Page } from './server.testing';
import { changeBetween, clean, moved, Typing } from './typing';

describe('what was typed', () => {
  test.each([
    ['', 'a', 1, { at: 0, length: 0, words: 'a' }],
    ['aaa', 'aaaa', 2, { at: 1, length: 0, words: 'a' }],
    ['aaa', 'aa', 0, { at: 0, length: 1, words: '' }],
    ['one two', 'one 2', 5, { at: 4, length: 3, words: '2' }],
    ['one', 'one', 1, null],
    // The second halves of these two are the same, or the first ones: they are replaced whole.
    ['x😀y', 'x😁y', 3, { at: 1, length: 2, words: '😁' }],
    ['x😀y', 'x🤀y', 3, { at: 1, length: 2, words: '🤀' }],
  ])('between %j and %j with the caret at %i', (before, after, caret, change) => {
    expect(changeBetween(before, after, caret)).toEqual(change);
  });

  test('always leads from the one to the other', () => {
    const text = fc.stringMatching(/^[ab😀😁\n]{0,12}$/u);
    fc.assert(
      fc.property(text, text, fc.nat(24), (before, after, caret) => {
        const change = changeBetween(before, after, Math.min(caret, after.length)) ?? { at: 0, length: 0, words: '' };
        expect(before.slice(0, change.at) + change.words + before.slice(change.at + change.length)).toBe(after);
        expect(clean(change.words)).toBe(change.words);
      }),
    );
  });

  test('a place moves with what others do before it', () => {
    expect(moved(5, [{ retain: 2 }, { insert: 'xx' }])).toBe(7);
    expect(moved(5, [{ retain: 5 }, { insert: 'xx' }])).toBe(5);
    expect(moved(5, [{ retain: 2 }, { delete: 2 }])).toBe(3);
    expect(moved(5, [{ retain: 2 }, { delete: 9 }])).toBe(2);
    expect(moved(5, [{ insert: 'x' }, { retain: 1 }, { delete: 1 }])).toBe(5);
  });
});

describe('the field', () => {
  let far: FarText;
  let page: Page;
  let area: HTMLTextAreaElement;
  let typing: Typing;

  beforeEach(() => {
    far = new FarText();
    far.doc.getText('text').insert(0, 'Surgery first.');
    page = far.page();
    page.connect();
    page.carry();
    area = document.createElement('textarea');
    document.body.append(area);
    typing = new Typing(area, page.session);
    area.focus();
  });

  afterEach(() => {
    typing.destroy();
    page.session.dispose();
    area.remove();
  });

  const input = (value: string, caret = value.length) => {
    area.value = value;
    area.setSelectionRange(caret, caret);
    area.dispatchEvent(new InputEvent('input', { bubbles: true }));
  };
  const press = (key: string, shiftKey = false) => area.dispatchEvent(new KeyboardEvent('keydown', { key, ctrlKey: true, shiftKey, cancelable: true }));
  /** Another one types. */
  const other = (at: number, length: number, words: string) => {
    const before = Y.encodeStateVector(far.doc);
    const text = far.doc.getText('text');
    far.doc.transact(() => {
      text.delete(at, length);
      text.insert(at, words);
    });
    Y.applyUpdate(page.session.doc, Y.encodeStateAsUpdate(far.doc, before), 'heard');
  };

  test('begins with the text, and what is typed goes into it', () => {
    expect(area.value).toBe('Surgery first.');
    input('Surgery first. Then rest.');
    expect(page.session.plain).toBe('Surgery first. Then rest.');
  });

  test('what others type comes in, and the caret stays where it was among the words', () => {
    area.setSelectionRange(7, 13);
    other(0, 0, 'No: ');
    expect([area.value, area.selectionStart, area.selectionEnd]).toEqual(['No: Surgery first.', 11, 17]);
    other(0, 4, '');
    expect([area.value, area.selectionStart, area.selectionEnd]).toEqual(['Surgery first.', 7, 13]);
  });

  test('undo and redo are one’s own', () => {
    input('Surgery first. Mine.');
    other(0, 0, 'Theirs. ');
    press('z');
    expect(area.value).toBe('Theirs. Surgery first.');
    press('z');
    expect(area.value).toBe('Theirs. Surgery first.');
    press('z', true);
    expect([area.value, area.selectionStart]).toEqual(['Theirs. Surgery first. Mine.', 28]);
    press('z');
    press('y');
    expect(area.value).toBe('Theirs. Surgery first. Mine.');
    const event = new InputEvent('beforeinput', { inputType: 'historyUndo', cancelable: true });
    area.dispatchEvent(event);
    expect([event.defaultPrevented, area.value]).toEqual([true, 'Theirs. Surgery first.']);
  });

  test('a composition is not disturbed, and takes its place when it ends', () => {
    area.dispatchEvent(new CompositionEvent('compositionstart'));
    input('Surgery e first.', 9);
    expect(page.session.plain).toBe('Surgery e first.');
    other(0, 3, 'Chemoimmuno');
    expect(area.value).toBe('Surgery e first.');
    input('Surgery é first.', 9);
    area.dispatchEvent(new CompositionEvent('compositionend'));
    expect([area.value, page.session.plain, area.selectionStart]).toEqual(['Chemoimmunogery é first.', 'Chemoimmunogery é first.', 17]);
  });

  test('others’ words that came during a composition without an end of its own are shown', () => {
    area.dispatchEvent(new CompositionEvent('compositionstart'));
    other(0, 0, 'No: ');
    expect(area.value).toBe('Surgery first.');
    area.dispatchEvent(new CompositionEvent('compositionend'));
    expect(area.value).toBe('No: Surgery first.');
  });

  test('what a text cannot hold is left out', () => {
    input('Surgery\0 first.\uD83D');
    expect([area.value, page.session.plain]).toEqual(['Surgery first.\uFFFD', 'Surgery first.\uFFFD']);
    input('x'.repeat(LONGEST_TEXT + 10));
    expect([area.value.length, page.session.plain.length]).toEqual([LONGEST_TEXT, LONGEST_TEXT]);
  });

  test('what may not be written does not stay in the field', () => {
    page.session.allow(false);
    input('Surgery last.');
    expect([area.value, page.session.plain]).toEqual(['Surgery first.', 'Surgery first.']);
  });
});

describe('pieces of an update', () => {
  test('do together what the whole does, in any order and with what was there', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.nat(20_000), length: fc.nat(300), words: fc.string({ unit: 'grapheme', maxLength: 30 }), times: fc.integer({ min: 1, max: 400 }) }), { maxLength: 6 }), (edits) => {
        const doc = new Y.Doc();
        const text = doc.getText('text');
        text.insert(0, 'There before. '.repeat(50));
        const before = Y.encodeStateAsUpdate(doc);
        for (const { at, length, words, times } of edits) {
          const from = Math.min(at, text.length);
          text.delete(from, Math.min(length, text.length - from));
          text.insert(from, words.repeat(times));
        }
        const update = Y.encodeStateAsUpdate(doc, Y.encodeStateVectorFromUpdate(before));
        const pieces = cut(update, 5_000);
        for (const order of [pieces, [...pieces].reverse()]) {
          const far = new Y.Doc();
          Y.applyUpdate(far, before);
          for (const piece of order) Y.applyUpdate(far, piece);
          expect(far.getText('text').toString()).toBe(text.toString());
        }
      }),
      { numRuns: 50 },
    );
  });

  test('words that the server lacks are told apart from those it has', () => {
    const doc = new Y.Doc();
    const text = doc.getText('text');
    text.insert(0, 'Surgery first.');
    const known = Y.decodeStateVector(Y.encodeStateVector(doc));
    expect(wordsBeyond(text, known)).toBe('');
    text.insert(7, ' and radiotherapy');
    text.delete(0, 4);
    text.insert(0, 'Plainly: ');
    expect(wordsBeyond(text, known)).toBe('Plainly: … and radiotherapy');
    expect(text.toString()).toBe('Plainly: ery and radiotherapy first.');
  });
});

test('a text is cut where carets and selections stand', () => {
  const caret = (client: number, anchor: number, head: number) => ({ client, by: `p${client}`, name: `Dr. ${client}`, anchor, head });
  const drawn = (text: string, ...carets: ReturnType<typeof caret>[]) => partsOf(text, carets).map((part) => (part.kind === 'caret' ? part.caret.client : part.by ? `[${part.text}]` : part.text));
  expect(drawn('abcdef')).toEqual(['abcdef']);
  expect(drawn('')).toEqual([]);
  expect(drawn('', caret(1, 0, 0))).toEqual([1]);
  expect(drawn('abcdef', caret(1, 4, 2), caret(2, 6, 6))).toEqual(['ab', 1, '[cd]', 'ef', 2]);
  expect(drawn('abcdef', caret(1, 99, 3))).toEqual(['abc', 1, '[def]']);
});
