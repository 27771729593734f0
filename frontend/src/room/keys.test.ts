import { afterEach, describe, expect, test } from 'vitest';
import { keyAction, keyLines, whereOf, type Pressed, type Where } from './keys';

const press = (key: string, change: Partial<Pressed> = {}): Pressed => ({ key, altKey: false, ctrlKey: false, metaKey: false, ...change });
const nowhere: Where = { typing: false, widget: false, dialog: false, off: false };

describe('a key', () => {
  test.each([
    ['n', 'next'],
    ['N', 'next'],
    ['o', 'open'],
    ['p', 'postpone'],
    ['r', 'record'],
    ['l', 'late'],
    ['s', 'start'],
    ['c', 'close'],
    ['a', 'park'],
    ['b', 'break'],
    ['u', 'undo'],
    ['y', 'confirm'],
    ['d', 'dissent'],
    ['w', 'withdraw'],
    ['m', 'protocol'],
    ['g', 'protocols'],
    ['h', 'hand'],
    ['t', 'talk'],
    ['e', 'write'],
    ['f', 'follow'],
    ['j', 'down'],
    ['ArrowDown', 'down'],
    ['k', 'up'],
    ['ArrowUp', 'up'],
    ['Enter', 'look'],
    ['/', 'filter'],
    ['?', 'help'],
    ['2', 'pane_stage'],
    ['0', 'call'],
    ['i', 'call_mic'],
    ['x', 'call_camera'],
    ['q', 'call_hand'],
    ['z', 'call_low'],
    [' ', 'call_talk'],
    ['ù', null],
    ['Escape', null],
  ])('%s does %s', (key, action) => expect(keyAction(press(key), nowhere)).toBe(action));

  test('with Alt the arrows move', () => {
    expect(keyAction(press('ArrowDown', { altKey: true }), nowhere)).toBe('move_down');
    expect(keyAction(press('ArrowUp', { altKey: true }), nowhere)).toBe('move_up');
    expect(keyAction(press('n', { altKey: true }), nowhere)).toBeNull();
  });

  test('with Ctrl or Cmd it is the browser’s, but for saving', () => {
    expect(keyAction(press('n', { ctrlKey: true }), nowhere)).toBeNull();
    expect(keyAction(press('r', { metaKey: true }), nowhere)).toBeNull();
    expect(keyAction(press('s', { ctrlKey: true }), { ...nowhere, typing: true })).toBe('save');
  });

  test('in a field only Escape does something', () => {
    const typing = { ...nowhere, typing: true };
    const done = ['n', 'r', '/', '?', 'j', 'ArrowDown', 'Enter', 'Escape'].map((key) => keyAction(press(key), typing));
    expect(done).toEqual([null, null, null, null, null, null, null, 'leave_field']);
    expect(keyAction(press('ArrowDown', { altKey: true }), typing)).toBeNull();
  });

  test('in a dialog nothing reaches the room', () => {
    expect(['n', 'Enter', 'Escape', '?'].map((key) => keyAction(press(key), { ...nowhere, dialog: true }))).toEqual([null, null, null, null]);
  });

  test('a button keeps its arrows and Enter', () => {
    const widget = { ...nowhere, widget: true };
    expect(['Enter', 'ArrowDown', 'n'].map((key) => keyAction(press(key), widget))).toEqual([null, null, 'next']);
  });

  test('switched off, single keys do nothing but explain', () => {
    const off = { ...nowhere, off: true };
    expect(['n', 'j', '1', '?', 'ArrowDown', 'Enter'].map((key) => keyAction(press(key), off))).toEqual([null, null, null, 'help', 'down', 'look']);
  });
});

describe('where a key falls', () => {
  afterEach(() => document.body.replaceChildren());

  test.each([
    ['<textarea></textarea>', { typing: true, widget: false }],
    ['<select></select>', { typing: true, widget: false }],
    ['<input type="search">', { typing: true, widget: true }],
    ['<input type="radio">', { typing: false, widget: true }],
    ['<div contenteditable="true"></div>', { typing: true, widget: false }],
    ['<button></button>', { typing: false, widget: true }],
    ['<button data-row="1"></button>', { typing: false, widget: false }],
    ['<a href="/"></a>', { typing: false, widget: true }],
    ['<div data-own-keys></div>', { typing: false, widget: true }],
    ['<p></p>', { typing: false, widget: false }],
  ])('%s', (html, expected) => {
    document.body.innerHTML = html;
    expect(whereOf(document.body.firstElementChild, false)).toEqual({ ...expected, dialog: false, off: false });
  });

  test('behind an open dialog', () => {
    document.body.innerHTML = '<dialog open></dialog>';
    expect(whereOf(null, true)).toEqual({ typing: false, widget: false, dialog: true, off: true });
  });
});

test('every key on the list is one that does something', () => {
  const shown = keyLines().flatMap((line) => line.keys);
  const names: Record<string, Pressed> = {
    '↓': press('ArrowDown'),
    '↑': press('ArrowUp'),
    'Alt ↓': press('ArrowDown', { altKey: true }),
    'Alt ↑': press('ArrowUp', { altKey: true }),
    'Ctrl S': press('s', { ctrlKey: true }),
    Space: press(' '),
  };
  // The stage and an opened document listen to their own.
  const elsewhere = ['Esc', 'V', 'PageUp', 'PageDown', '+', '-'];
  const dead = shown.filter((key) => !elsewhere.includes(key) && keyAction(names[key] ?? press(key), nowhere) === null);
  expect(dead).toEqual([]);
});
