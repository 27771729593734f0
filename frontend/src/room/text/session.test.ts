import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LONGEST_TEXT, LONGEST_UPDATE } from './frames';
import { FarText, type Page } from './server.testing';
import { ANSWER_WITHIN, HOLE_FOR, RETRY, SEND_AFTER, SLOW } from './session';

let far: FarText;

beforeEach(() => {
  vi.useFakeTimers();
  far = new FarText();
});

afterEach(() => {
  for (const page of far.pages) page.session.dispose();
  vi.useRealTimers();
});

/** Let everything arrive until nothing is on its way any more. */
async function settle(wait = SEND_AFTER): Promise<void> {
  await vi.advanceTimersByTimeAsync(wait);
  for (let round = 0; round < 50; round++) {
    for (const page of far.pages) if (page.up) page.carry();
    await vi.advanceTimersByTimeAsync(SEND_AFTER);
  }
}

async function sat(): Promise<Page> {
  const page = far.page();
  page.connect();
  await settle();
  return page;
}

const updates = (page: Page) => page.wrote.filter((message) => message.do === 'text.update');

describe('saving', () => {
  test('nothing is written before the text is here', () => {
    const page = far.page();
    expect(page.session.writable).toBe(false);
    page.connect();
    expect(page.session.writable).toBe(false);
    page.carry();
    expect([page.session.writable, page.session.saving]).toEqual([true, 'saved']);
  });

  test('what is typed is saving at once, sent within 200 ms, saved when the server has said so', async () => {
    const page = await sat();
    page.type('Surgery');
    page.type(' first.');
    expect([page.session.saving, updates(page).length]).toEqual(['saving', 0]);
    await vi.advanceTimersByTimeAsync(200);
    expect(updates(page).length).toBe(1);
    page.carry();
    expect([page.session.saving, page.session.unsaved, far.plain, page.session.n]).toEqual(['saved', false, 'Surgery first.', 1]);
  });

  test('one update at a time; what is typed meanwhile follows', async () => {
    const page = await sat();
    page.type('a');
    await vi.advanceTimersByTimeAsync(SEND_AFTER);
    page.type('b');
    page.type('c');
    await vi.advanceTimersByTimeAsync(SEND_AFTER * 3);
    expect(updates(page).length).toBe(1);
    await settle();
    expect([updates(page).length, far.plain]).toEqual([2, 'abc']);
  });

  test('without an answer it is called not saved, and asked about', async () => {
    const page = await sat();
    page.type('a');
    await vi.advanceTimersByTimeAsync(SLOW);
    expect(page.session.saving).toBe('unsaved');
    page.outbox = [];
    await vi.advanceTimersByTimeAsync(ANSWER_WITHIN);
    await settle();
    expect([page.session.saving, far.plain]).toEqual(['saved', 'a']);
  });

  test('a flush is settled by the server’s word', async () => {
    const page = await sat();
    expect(await page.session.flush()).toBe(true);
    page.type('a');
    const stored = page.session.flush();
    expect(updates(page).length).toBe(1);
    page.carry();
    expect(await stored).toBe(true);
    page.type('b');
    const lost = page.session.flush();
    page.cut();
    expect(await lost).toBe(false);
    expect(await page.session.flush()).toBe(false);
  });

  test('a long paste goes in frames that can be read, in any script', async () => {
    const page = await sat();
    for (const words of ['語'.repeat(LONGEST_TEXT), '👩🏽‍⚕️'.repeat(2_000)]) {
      page.type(words, 0, page.session.text.length);
      await settle();
      expect(far.plain).toBe(words);
    }
    const longest = Math.max(...page.wrote.map((message) => JSON.stringify(message).length));
    expect([longest < 60_000, longest > LONGEST_UPDATE]).toEqual([true, true]);
    page.session.undo.undo();
    page.session.undo.undo();
    await settle();
    expect([far.plain, page.session.plain, page.session.saving]).toEqual(['', '', 'saved']);
  });
});

describe('together', () => {
  test('a late joiner has the text at once', async () => {
    const first = await sat();
    first.type('Here before you.');
    await settle();
    const late = far.page();
    late.connect();
    late.carry();
    expect([late.session.plain, late.session.n]).toEqual(['Here before you.', 1]);
  });

  test('undo takes back one’s own words and nobody else’s', async () => {
    const [a, b] = [await sat(), await sat()];
    a.type('mine ');
    await settle(1_000);
    b.type('yours');
    await settle();
    a.session.undo.undo();
    await settle();
    expect([a.session.plain, b.session.plain, far.plain]).toEqual(['yours', 'yours', 'yours']);
    a.session.undo.redo();
    await settle();
    expect(far.plain).toBe('mine yours');
  });

  test('one undo takes back one line, paste or deletion', async () => {
    const page = await sat();
    for (const key of 'one\ntwo') page.type(key);
    page.type(' pasted');
    for (let n = 0; n < 3; n++) page.type('', page.session.text.length - 1, 1);
    const seen = [page.session.plain];
    while (page.session.undo.canUndo()) {
      page.session.undo.undo();
      seen.push(page.session.plain);
    }
    expect(seen).toEqual(['one\ntwo pas', 'one\ntwo pasted', 'one\ntwo', 'one\n', 'one', '']);
  });

  test('updates that come in another order, twice or not at all end in the same text', async () => {
    const [a, b] = [await sat(), await sat()];
    for (const words of ['one ', 'two ', 'three ', 'four ']) {
      a.type(words);
      await vi.advanceTimersByTimeAsync(SEND_AFTER);
      a.carry();
    }
    const [one, two, , four] = b.inbox;
    b.inbox = [four!, two!, one!, one!];
    b.carry();
    expect([b.session.n, b.session.plain]).toEqual([2, 'one two ']);
    await vi.advanceTimersByTimeAsync(HOLE_FOR);
    b.carry();
    expect([b.session.n, b.session.plain]).toEqual([4, 'one two three four ']);
  });

  test('carets are shown with names, move with the text and go', async () => {
    const [a, b] = [await sat(), await sat()];
    a.type('Surgery first.');
    await settle();
    b.session.carets.place({ anchor: 0, head: 7 });
    await settle();
    expect(a.session.carets.shown().map(({ by, name, anchor, head }) => [by, name, anchor, head])).toEqual([['person 1', 'person 1', 0, 7]]);
    a.type('No: ', 0);
    await settle();
    expect(a.session.carets.shown().map(({ anchor, head }) => [anchor, head])).toEqual([[4, 11]]);
    b.session.carets.place(null);
    await settle();
    expect(a.session.carets.shown()).toEqual([]);
  });

  test('whoever comes in sees carets that stand still; a caret that is nonsense is none', async () => {
    const a = await sat();
    a.type('Surgery');
    await settle();
    a.session.carets.place({ anchor: 3, head: 3 });
    await settle();
    const b = await sat();
    expect(b.session.carets.shown()).toEqual([]);
    b.session.carets.place({ anchor: 1, head: 1 });
    await settle();
    expect(b.session.carets.shown().map(({ head }) => head)).toEqual([3]);
    a.session.hear({ t: 'text.caret', item: far.item, field: far.field, by: 'x', name: 'x', data: '////' });
    expect(a.session.carets.shown().map(({ head }) => head)).toEqual([1]);
  });
});

describe('a cut', () => {
  test('keeps what is typed, says so, and sends it when the line is back', async () => {
    const page = await sat();
    page.type('before ');
    await settle();
    page.cut();
    page.type('during');
    await settle(60_000);
    expect([page.session.saving, page.session.plain, page.session.lacking(), page.session.writable]).toEqual(['unsaved', 'before during', 'during', true]);
    page.connect();
    await settle();
    expect([page.session.saving, far.plain]).toEqual(['saved', 'before during']);
  });

  test('after the server has it, but before it could say so, doubles nothing', async () => {
    const page = await sat();
    page.type('once');
    await vi.advanceTimersByTimeAsync(SEND_AFTER);
    page.cut(1);
    expect([far.plain, page.session.saving]).toEqual(['once', 'unsaved']);
    page.connect();
    await settle();
    expect([far.plain, far.n, page.session.saving]).toEqual(['once', 1, 'saved']);
  });

  test('of minutes, with both sides typing, merges', async () => {
    const [a, b] = [await sat(), await sat()];
    a.type('[]');
    await settle();
    a.cut();
    a.type('offline', 1);
    b.type('online', 1);
    await settle(300_000);
    a.connect();
    await settle();
    expect([a.session.plain, b.session.plain]).toEqual([far.plain, far.plain]);
    expect([far.plain.includes('offline'), far.plain.includes('online'), far.plain.length]).toEqual([true, true, 15]);
  });

  test('from a server that lost something in the meantime: it gets that back', async () => {
    const page = await sat();
    page.type('precious');
    await settle();
    page.cut();
    far.doc = new FarText().doc;
    far.n = 0;
    page.connect();
    await settle();
    expect([far.plain, page.session.saving]).toEqual(['precious', 'saved']);
  });
});

describe('refused', () => {
  test('a busy server is asked again', async () => {
    const page = await sat();
    far.refuse = 'unavailable';
    page.type('a');
    await settle();
    expect([page.session.saving, page.session.problem]).toEqual(['unsaved', 'refused: unavailable']);
    far.refuse = null;
    await settle(RETRY);
    expect([page.session.saving, page.session.problem, far.plain]).toEqual(['saved', '', 'a']);
  });

  test('too long: said, kept, and sent when it is shortened', async () => {
    const page = await sat();
    page.type('a'.repeat(LONGEST_TEXT + 5));
    await settle();
    expect([page.session.problem, page.session.saving, far.plain]).toEqual(['refused: too_long', 'unsaved', '']);
    expect(updates(page).length).toBe(1);
    expect(await page.session.flush()).toBe(false);
    page.type('', 0, 5);
    await settle();
    expect([page.session.problem, page.session.saving, far.plain.length]).toEqual(['', 'saved', LONGEST_TEXT]);
  });

  test('a right that ended: the words leave the text and are kept', async () => {
    const page = await sat();
    far.refuse = 'forbidden';
    far.editable = false;
    page.type('too late');
    await settle();
    expect([page.session.plain, page.session.kept, page.session.writable, page.session.pending]).toEqual(['', 'too late', false, false]);
  });

  test('a text that may not be read shows nothing, and keeps what was typed here', async () => {
    const page = await sat();
    page.type('read by all');
    await settle();
    page.cut();
    page.type(' and mine');
    far.barred = true;
    page.connect();
    await settle();
    expect([page.session.plain, page.session.kept, page.session.barred, page.session.writable]).toEqual(['', 'and mine', true, false]);
  });
});

describe('frozen', () => {
  test('while nothing is on its way: read only, nothing kept', async () => {
    const page = await sat();
    page.type('all');
    await settle();
    far.freeze(true);
    page.carry();
    expect([page.session.writable, page.session.kept, page.session.plain]).toEqual([false, '', 'all']);
    far.freeze(false);
    await settle();
    expect(page.session.writable).toBe(true);
  });

  test('words on their way are kept apart, leave the text, and go nowhere by themselves', async () => {
    const [a, b] = [await sat(), await sat()];
    b.type('Surgery first.');
    await settle();
    a.type(' Perhaps', 7);
    await vi.advanceTimersByTimeAsync(SEND_AFTER);
    a.type(' later.');
    far.freeze(true);
    await settle();
    expect([a.session.plain, a.session.kept, a.session.saving, a.session.unsaved]).toEqual(['Surgery first.', 'Perhaps … later.', 'saved', true]);
    far.freeze(false);
    await settle();
    expect([far.plain, a.session.plain]).toEqual(['Surgery first.', 'Surgery first.']);
    a.session.putBack();
    await settle();
    expect([far.plain, a.session.kept]).toEqual(['Surgery first.\nPerhaps … later.', '']);
  });

  test('an update that was in time stays in the text', async () => {
    const page = await sat();
    page.type('in time');
    await vi.advanceTimersByTimeAsync(SEND_AFTER);
    page.carry(1, 0);
    far.freeze(true);
    await settle();
    expect([page.session.plain, page.session.kept, page.session.saving]).toEqual(['in time', '', 'saved']);
  });

  test('an answer to an earlier question is not taken for the whole text', async () => {
    const page = await sat();
    page.type('recorded');
    await settle();
    page.cut();
    page.type(' not');
    far.freeze(true);
    page.connect();
    page.session.join();
    page.carry(2, 1);
    // The question for the whole: the server answers questions that overlap once.
    page.outbox = [];
    page.carry();
    expect(page.session.plain).toBe('recorded not');
    await settle();
    expect([page.session.plain, page.session.kept]).toEqual(['recorded', 'not']);
  });

  test('during a cut: what was typed offline is kept apart', async () => {
    const page = await sat();
    page.type('recorded ');
    await settle();
    page.cut();
    page.type('not recorded');
    page.type('', 0, 4);
    far.freeze(true);
    page.connect();
    await settle();
    expect([page.session.plain, page.session.kept, far.plain]).toEqual(['recorded ', 'not recorded', 'recorded ']);
    page.session.letGo();
    expect(page.session.unsaved).toBe(false);
  });
});

const mark = (n: number) => String.fromCharCode(0xe000 + n);

test('three pages with cuts, freezes and delays end in the server’s text, and nothing is lost', { timeout: 120_000 }, async () => {
  const act = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('type' as const), page: fc.nat(2), at: fc.nat(60), length: fc.nat(3), words: fc.stringMatching(/^[a-zéë👍 \n]{0,6}$/u) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('carry' as const), page: fc.nat(2), messages: fc.nat(3), frames: fc.nat(5) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(400) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), page: fc.nat(2), arrives: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('connect' as const), page: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('join' as const), page: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('freeze' as const), frozen: fc.boolean() }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 80 }), async (acts) => {
      far = new FarText();
      const pages = [await sat(), await sat(), await sat()];
      let typed = 0;
      for (const one of acts) {
        const page = 'page' in one ? pages[one.page]! : pages[0]!;
        const { session } = page;
        if (one.kind === 'type' && session.writable) {
          const at = Math.min(one.at, session.text.length);
          // A character of its own for each thing typed, that nobody deletes: it must be found again.
          const free = /^[^\uE000-\uEFFF]*/.exec(session.plain.slice(at, at + one.length))![0].length;
          page.type(one.words + mark(typed++), at, free);
        } else if (one.kind === 'carry' && page.up) page.carry(one.messages, one.frames);
        else if (one.kind === 'wait') await vi.advanceTimersByTimeAsync(one.ms);
        else if (one.kind === 'cut' && page.up) page.cut(one.arrives);
        else if (one.kind === 'connect' && !page.up) page.connect();
        else if (one.kind === 'join') session.join();
        else if (one.kind === 'freeze') far.freeze(one.frozen);
      }
      for (const page of pages) if (!page.up) page.connect();
      await settle(ANSWER_WITHIN + HOLE_FOR);
      const kept = pages.map((page) => page.session.kept).join(' ');
      for (const page of pages) {
        expect([page.session.plain, page.session.pending, page.session.n]).toEqual([far.plain, false, far.n]);
        page.session.dispose();
      }
      for (let n = 0; n < typed; n++) expect(`${far.plain} ${kept}`).toContain(mark(n));
    }),
    { numRuns: 100 },
  );
});
