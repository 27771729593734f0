import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EMPTY, DraftEditor, LONGEST_UNSAVED, QUIET, RETRY, type DraftLine, type Saving } from './draft';
import { itemId } from './fixtures.testing';
import type { Outcome } from './outbox';
import type { DraftContent } from './protocol';

const content = (change: Partial<DraftContent> = {}): DraftContent => ({ version: 4, text: '', intent: null, steps: [], deviation: 'Old.', editable: true, ...change });
const no = (code: (Outcome & { ok: false })['code'], current: number | null = null): Outcome => ({ ok: false, code, message: `refused: ${code}`, field: null, current });

/** The server's end of the line: one draft, and answers that wait until they are given. */
class FarEnd implements DraftLine {
  held = content();
  reachable = true;
  saves: Saving[] = [];
  private answers: ((outcome: Outcome) => void)[] = [];
  changed = () => {};

  fetch = async () => {
    if (!this.reachable) throw new Error('unreachable');
    return structuredClone(this.held);
  };

  save = (args: Saving) => {
    this.saves.push(args);
    return new Promise<Outcome>((resolve) => this.answers.push(resolve));
  };

  /** Answer the oldest save that waits as a real server would. */
  async answer(outcome?: Outcome): Promise<void> {
    const save = this.saves[this.saves.length - this.answers.length]!;
    if (!outcome) {
      if (save.version === this.held.version) {
        const { intent, steps, protocol_deviation: deviation, agreed } = save;
        this.held = content({ version: save.version + 1, intent, steps, deviation, agreed: agreed! });
        outcome = { ok: true, seq: 1 };
      } else outcome = no('stale', this.held.version);
    }
    this.answers.shift()!(outcome);
    await vi.advanceTimersByTimeAsync(0);
  }
}

let far: FarEnd;
let editor: DraftEditor;

beforeEach(async () => {
  vi.useFakeTimers();
  far = new FarEnd();
  editor = new DraftEditor(itemId(1), far);
  editor.meet(4, true);
  await vi.advanceTimersByTimeAsync(0);
});

afterEach(() => vi.useRealTimers());

const quiet = () => vi.advanceTimersByTimeAsync(QUIET);

describe('saving as one types', () => {
  test('starts with what the server holds', () => {
    expect(editor.shown.deviation).toBe('Old.');
    expect(editor.saveState).toBe('saved');
  });

  test('not saved at once, saving after a pause, saved when the server has it', async () => {
    editor.edit({ deviation: 'New.' });
    expect([editor.saveState, editor.shown.deviation, far.saves.length]).toEqual(['unsaved', 'New.', 0]);
    await quiet();
    expect(editor.saveState).toBe('saving');
    await far.answer();
    expect([editor.saveState, editor.mine, editor.version]).toEqual(['saved', null, 5]);
    expect(far.saves).toEqual([{ item: itemId(1), version: 4, intent: null, steps: [], protocol_deviation: 'New.', agreed: EMPTY.agreed }]);
  });

  test('someone who never pauses is saved all the same', async () => {
    for (let typed = 0; typed < LONGEST_UNSAVED; typed += QUIET / 2) {
      editor.edit({ deviation: `text ${typed}` });
      await vi.advanceTimersByTimeAsync(QUIET / 2);
    }
    expect(far.saves.length).toBe(1);
  });

  test('what is typed during a save follows it, on the version that the save made', async () => {
    editor.edit({ deviation: 'one' });
    await quiet();
    editor.edit({ deviation: 'one two' });
    await quiet();
    expect(far.saves.length).toBe(1);
    await far.answer();
    expect(editor.saveState).toBe('unsaved');
    await quiet();
    await far.answer();
    expect(far.saves.map(({ version, protocol_deviation }) => [version, protocol_deviation])).toEqual([
      [4, 'one'],
      [5, 'one two'],
    ]);
    expect([editor.saveState, far.held.deviation]).toEqual(['saved', 'one two']);
  });

  test('typing back to what is saved needs no save', async () => {
    editor.edit({ deviation: 'New.' });
    editor.edit({ deviation: 'Old.' });
    await quiet();
    expect([editor.saveState, far.saves.length]).toEqual(['saved', 0]);
  });

  test('the event of one’s own save, seen before its answer, is no news', async () => {
    const fetched = vi.spyOn(far, 'fetch');
    editor.edit({ deviation: 'New.' });
    await quiet();
    editor.meet(5, true);
    await far.answer();
    expect(fetched).not.toHaveBeenCalled();
    expect([editor.saveState, editor.version]).toEqual(['saved', 5]);
  });

  test('saved on demand', async () => {
    editor.edit({ intent: 'curative' });
    const saved = editor.save();
    await far.answer();
    expect(await saved).toBe(true);
  });
});

describe('refused', () => {
  test('a busy server is asked again', async () => {
    editor.edit({ deviation: 'New.' });
    await quiet();
    await far.answer(no('unavailable'));
    expect([editor.saveState, editor.problem]).toEqual(['unsaved', 'refused: unavailable']);
    await vi.advanceTimersByTimeAsync(RETRY);
    await far.answer();
    expect([editor.saveState, editor.problem]).toEqual(['saved', '']);
  });

  test('a rule is shown and not fought', async () => {
    editor.edit({ deviation: 'New.' });
    await quiet();
    await far.answer(no('rule'));
    await vi.advanceTimersByTimeAsync(RETRY * 5);
    expect([far.saves.length, editor.saveState, editor.problem, editor.shown.deviation]).toEqual([1, 'unsaved', 'refused: rule', 'New.']);
  });

  test('stale with the same words elsewhere is no quarrel', async () => {
    far.held = content({ version: 7 });
    editor.edit({ deviation: 'New.' });
    await quiet();
    await far.answer();
    await quiet();
    await far.answer();
    expect(far.saves.map((save) => save.version)).toEqual([4, 7]);
    expect([editor.saveState, far.held.deviation]).toEqual(['saved', 'New.']);
  });

  test('stale with other words shows both and keeps mine', async () => {
    far.held = content({ version: 5, deviation: 'Theirs.' });
    editor.edit({ deviation: 'Mine.' });
    await quiet();
    await far.answer();
    expect([editor.saveState, editor.shown.deviation, editor.server.deviation]).toEqual(['conflict', 'Mine.', 'Theirs.']);
    editor.edit({ deviation: 'Mine, longer.' });
    await vi.advanceTimersByTimeAsync(RETRY * 5);
    expect(far.saves.length).toBe(1);
    editor.keepMine();
    await quiet();
    await far.answer();
    expect([editor.saveState, far.held.deviation, far.held.version]).toEqual(['saved', 'Mine, longer.', 6]);
  });

  test('or gives way, when the person says so', async () => {
    far.held = content({ version: 5, deviation: 'Theirs.' });
    editor.edit({ deviation: 'Mine.' });
    await quiet();
    await far.answer();
    editor.discardMine();
    expect([editor.saveState, editor.shown.deviation]).toEqual(['saved', 'Theirs.']);
  });

  test('a save whose answer was lost is recognised as one’s own', async () => {
    editor.edit({ deviation: 'one' });
    await quiet();
    far.held = content({ version: 5, deviation: 'one' });
    editor.edit({ deviation: 'one two' });
    await far.answer(no('not_sent'));
    editor.meet(5, true);
    await vi.advanceTimersByTimeAsync(0);
    expect(editor.saveState).toBe('unsaved');
    await quiet();
    await far.answer();
    expect([editor.saveState, far.held.deviation, far.held.version]).toEqual(['saved', 'one two', 6]);
  });
});

describe('nothing typed is lost', () => {
  test('when the line is gone', async () => {
    editor.edit({ deviation: 'New.' });
    await quiet();
    far.reachable = false;
    await far.answer(no('not_sent'));
    expect([editor.saveState, editor.shown.deviation]).toEqual(['unsaved', 'New.']);
    far.reachable = true;
    editor.again();
    await vi.advanceTimersByTimeAsync(0);
    await far.answer();
    expect([editor.saveState, far.held.deviation]).toEqual(['saved', 'New.']);
  });

  test('when it may not be written any more', async () => {
    editor.edit({ deviation: 'Old. And mine.' });
    editor.meet(4, false);
    await vi.advanceTimersByTimeAsync(RETRY);
    expect(far.saves).toEqual([]);
    expect([editor.shown.deviation, editor.leftover?.deviation]).toEqual(['Old.', 'Old. And mine.']);
  });

  test('and it goes on when it may be written again', async () => {
    editor.edit({ deviation: 'Old. And mine.' });
    editor.meet(4, false);
    editor.meet(4, true);
    await vi.advanceTimersByTimeAsync(0);
    await far.answer();
    expect([editor.leftover, far.held.deviation]).toEqual([null, 'Old. And mine.']);
  });

  test('when the item was recorded in the middle of a save', async () => {
    editor.edit({ deviation: 'Too late.' });
    await quiet();
    editor.meet(4, false);
    await far.answer(no('rule'));
    expect([editor.shown.deviation, editor.leftover?.deviation, editor.saveState]).toEqual(['Old.', 'Too late.', 'unsaved']);
    editor.discardMine();
    expect([editor.leftover, editor.saveState]).toEqual([null, 'saved']);
  });
});

describe('reading along', () => {
  beforeEach(() => editor.meet(4, false));

  test('a new version is fetched', async () => {
    far.held = content({ version: 5, deviation: 'Newer.' });
    editor.meet(5, false);
    await vi.advanceTimersByTimeAsync(0);
    expect([editor.shown.deviation, editor.version]).toEqual(['Newer.', 5]);
  });

  test('what may not be written is not', () => {
    editor.edit({ deviation: 'Mine.' });
    expect([editor.mine, editor.shown.deviation]).toEqual([null, 'Old.']);
  });

  test('what could not be fetched is fetched when the line is back', async () => {
    far.reachable = false;
    far.held = content({ version: 5, deviation: 'Newer.' });
    editor.meet(5, false);
    await vi.advanceTimersByTimeAsync(0);
    expect([editor.unreachable, editor.shown.deviation]).toEqual([true, 'Old.']);
    far.reachable = true;
    editor.again();
    await vi.advanceTimersByTimeAsync(0);
    expect([editor.unreachable, editor.shown.deviation]).toEqual([false, 'Newer.']);
  });
});

describe('who may write', () => {
  test('is asked anew when the item turns, and not doubted in between', async () => {
    far.held = content({ editable: false });
    editor.meet(4, false, 2);
    expect(editor.editable).toBe(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(editor.editable).toBe(false);
    far.held = content({ editable: true });
    editor.meet(4, false, 3);
    await vi.advanceTimersByTimeAsync(0);
    expect(editor.editable).toBe(true);
  });

  test('asking anew takes nothing that was typed', async () => {
    editor.edit({ deviation: 'Mine.' });
    editor.meet(4, true, 2);
    await vi.advanceTimersByTimeAsync(0);
    expect([editor.shown.deviation, editor.saveState]).toEqual(['Mine.', 'unsaved']);
    await quiet();
    await far.answer();
    expect([editor.saveState, far.held.deviation]).toEqual(['saved', 'Mine.']);
  });
});
