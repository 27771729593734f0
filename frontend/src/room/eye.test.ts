/** Following whoever presents, looking away and coming back; pointing. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Eye, type Around } from './eye.svelte';
import { POINTER_RESTS, SIGNAL_EVERY, VIEW_AGAIN, type View } from './signals';

const DOCUMENTS = [
  { id: 'report', name: 'Verslag.pdf', type: 'application/pdf', pages: 3 },
  { id: 'picture', name: 'Foto.png', type: 'image/png', pages: 0 },
];

type Told = { do: string; kind: string; data: Record<string, unknown> };

let around: { -readonly [Key in keyof Around]: Around[Key] };
let told: Told[];
let eye: Eye;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  around = {
    me: 'me',
    presenter: 'chair',
    shown: 'one',
    table: 'one',
    mayPoint: true,
    nameOf: (person) => `dr. ${person}`,
    tell: (message) => told.push(message as Told) > 0,
    documentUrl: (document) => `/documents/${document}/`,
  };
  eye = new Eye(around);
  eye.start();
  eye.settle();
  eye.offer(DOCUMENTS);
  told = [];
});

afterEach(() => {
  eye.stop();
  vi.useRealTimers();
});

function says(data: Partial<View>, by = 'chair'): void {
  eye.hear({ t: 'signal', kind: 'view', by, name: `dr. ${by}`, data: { item: 'one', tab: data.document ? 'document' : 'case', document: null, page: 1, scroll: 0, ...data } });
}

const seen = () => ({ document: eye.document, page: eye.page, scroll: eye.target.scroll });

/** The room changed: the eye is made anew around what is known of it, as its getters are read anew. */
function move(change: Partial<Around>): void {
  Object.assign(around, change);
  const before = eye;
  eye = new Eye(around);
  Object.assign(eye, { item: before['item'], led: before['led'], theirs: before['theirs'], away: before.away, documents: before.documents, document: before.document, page: before.page });
  before.stop();
  eye.start();
  eye.settle();
}

describe('following', () => {
  test('the presenter’s document, page and place are shown', () => {
    says({ document: 'report', page: 2, scroll: 0.5 });
    expect(seen()).toEqual({ document: 'report', page: 2, scroll: 0.5 });
    says({ scroll: 0.2 });
    expect(seen()).toEqual({ document: null, page: 1, scroll: 0.2 });
    expect(told).toEqual([]);
  });

  test('nobody else is followed', () => {
    says({ document: 'report' }, 'somebody');
    expect(eye.document).toBeNull();
  });

  test('a signal that came before its item waits for it', () => {
    says({ item: 'two', document: 'report', page: 3 });
    expect(eye.document).toBeNull();
    move({ shown: 'two', table: 'two' });
    eye.offer(DOCUMENTS);
    expect(seen()).toEqual({ document: 'report', page: 3, scroll: 0 });
  });

  test('a document that one does not have is not shown, and said', () => {
    says({ document: 'secret' });
    expect(eye.document).toBeNull();
    expect(eye.withheld).toBe(true);
    says({ document: 'report' });
    expect(eye.withheld).toBe(false);
  });

  test.each([
    ['turning a page', () => eye.turn(2, 3)],
    ['opening another document', () => eye.open('picture')],
    ['going back to the case', () => eye.shut()],
    ['scrolling', () => eye.scrolled(0.9, true)],
    ['saying so', () => eye.lookAway()],
  ])('%s looks away, and one key brings back', (_name, act) => {
    says({ document: 'report' });
    act();
    expect(eye.away).toBe(true);
    const mine = seen();
    says({ document: 'report', page: 3, scroll: 0.4 });
    expect(seen()).toEqual(mine);
    eye.back();
    expect(seen()).toEqual({ document: 'report', page: 3, scroll: 0.4 });
  });

  test('what moves by itself is not looking away', () => {
    says({ scroll: 0.5 });
    eye.scrolled(0.4, false);
    expect(eye.away).toBe(false);
  });

  test('a new item brings everybody back', () => {
    eye.lookAway();
    move({ shown: 'two', table: 'two' });
    expect(eye.away).toBe(false);
    expect(eye.document).toBeNull();
  });

  test('whoever looks at another item than the table’s follows nobody', () => {
    move({ shown: 'two' });
    says({ item: 'two', document: 'report' });
    expect(eye.document).toBeNull();
  });

  test('without a presenter one opens and turns alone, and that is no looking away', () => {
    move({ presenter: null });
    eye.open('report');
    eye.turn(9, 3);
    expect([eye.page, eye.away]).toEqual([3, false]);
    expect(told).toEqual([]);
  });
});

describe('presenting', () => {
  beforeEach(() => {
    move({ presenter: 'me' });
    vi.advanceTimersByTime(SIGNAL_EVERY * 2);
    told = [];
  });

  test('what one does is told, and again for whoever came later', () => {
    eye.open('report');
    vi.advanceTimersByTime(SIGNAL_EVERY);
    eye.turn(2, 3);
    vi.advanceTimersByTime(SIGNAL_EVERY);
    eye.scrolled(0.7, true);
    vi.advanceTimersByTime(SIGNAL_EVERY);
    expect(told.map(({ data }) => [data['document'], data['page'], data['scroll']])).toEqual([
      ['report', 1, 0],
      ['report', 2, 0],
      ['report', 2, 0.7],
    ]);
    told = [];
    vi.advanceTimersByTime(VIEW_AGAIN);
    expect(told).toEqual([{ do: 'signal', kind: 'view', data: { item: 'one', tab: 'document', document: 'report', page: 2, scroll: 0.7 } }]);
    expect(eye.away).toBe(false);
  });

  test('what one looks at beside the table is nobody’s', () => {
    move({ shown: 'two' });
    told = [];
    eye.open('report');
    vi.advanceTimersByTime(2 * VIEW_AGAIN);
    expect(told).toEqual([]);
  });
});

describe('pointing', () => {
  const point = (data: object, by = 'chair') =>
    eye.hear({ t: 'signal', kind: 'point', by, name: `dr. ${by}`, data: { item: 'one', document: null, page: 1, x: 0.5, y: 0.5, on: true, ...data } });

  test('a pointer is shown where it belongs, and rests', () => {
    point({});
    point({ document: 'report', page: 2 }, 'other');
    expect(eye.pointersHere.map(({ by }) => by)).toEqual(['chair']);
    vi.advanceTimersByTime(POINTER_RESTS - 1);
    point({ x: 0.6 });
    vi.advanceTimersByTime(POINTER_RESTS - 1);
    expect(eye.pointersHere.map(({ x }) => x)).toEqual([0.6]);
    vi.advanceTimersByTime(1);
    expect(eye.pointersHere).toEqual([]);
    point({});
    point({ on: false });
    expect(eye.pointersHere).toEqual([]);
  });

  test('one points while one means to, within the page', () => {
    eye.pointAt(0.5, 0.5);
    expect(told).toEqual([]);
    eye.togglePointing();
    eye.pointAt(1.2, -0.1);
    expect(told).toEqual([{ do: 'signal', kind: 'point', data: { item: 'one', document: null, page: 1, x: 1, y: 0, on: true } }]);
    eye.togglePointing();
    vi.advanceTimersByTime(SIGNAL_EVERY);
    expect(told.at(-1)?.data['on']).toBe(false);
  });

  test('whoever may not point does not', () => {
    around.mayPoint = false;
    eye.togglePointing();
    expect(eye.pointing).toBe(false);
  });
});
