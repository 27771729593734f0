import { beforeEach, expect, test } from 'vitest';
import { keys, listed } from './keys';
import { ownListeners } from './listeners.testing';

const pressed: string[] = [];

function row(id: string): string {
  return `<tr data-row="${id}"><td><a href="#${id}" data-open>${id}</a></td><td>
    <button data-key="a">Accept</button><button data-key="r">Return</button>
    <button data-key="up" aria-label="Up">↑</button><button data-key="down" aria-label="Down">↓</button></td></tr>`;
}

const TABLE = `
  <input data-search><textarea></textarea>
  <button data-shortcut="n" data-shortcut-label="New case">New</button>
  <table data-keys><tbody>${row('one')}${row('two')}${row('three')}</tbody></table>
  <dialog id="keys"><dl data-keys-list data-search="Search" data-rows="Rows" data-open="Open" data-move="Move" data-help="Help"></dl>
  <input type="checkbox" data-keys-switch></dialog>`;

const listeners = ownListeners();

/** The page as it is after (re)loading. */
function open(body: string): Document {
  listeners.renew();
  document.body.innerHTML = body;
  document.addEventListener('click', (event) => {
    const target = event.target as HTMLElement;
    const place = target.closest<HTMLElement>('tr')?.dataset['row'] ?? '';
    pressed.push([place, target.dataset['key'] ?? target.dataset['shortcut'] ?? 'open'].filter(Boolean).join(' '));
    event.preventDefault();
  });
  keys(document);
  return document;
}

/** The row that has the focus. */
function at(page: Document): string | undefined {
  return (page.activeElement as HTMLElement | null)?.dataset['row'];
}

function type(page: Document, key: string, target: Element | null = page.querySelector('tr[tabindex="0"]'), more: KeyboardEventInit = {}): boolean {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more });
  (target ?? page.body).dispatchEvent(event);
  return event.defaultPrevented;
}

beforeEach(() => {
  pressed.length = 0;
  localStorage.clear();
  sessionStorage.clear();
});

test('one row is reached with Tab, and j, k, arrows, Home and End walk to the others', () => {
  const page = open(TABLE);
  expect([...page.querySelectorAll<HTMLElement>('tr')].map((one) => one.tabIndex)).toEqual([0, -1, -1]);
  type(page, 'j');
  expect(at(page)).toBe('two');
  type(page, 'ArrowDown');
  type(page, 'ArrowDown');
  expect(at(page)).toBe('three');
  type(page, 'k');
  expect(at(page)).toBe('two');
  type(page, 'End');
  expect(at(page)).toBe('three');
  type(page, 'Home');
  expect(at(page)).toBe('one');
});

test('letters press the buttons of the row, Enter opens it, Alt with an arrow moves it', () => {
  const page = open(TABLE);
  type(page, 'j');
  type(page, 'a');
  type(page, 'R');
  type(page, 'Enter');
  type(page, 'ArrowUp', undefined, { altKey: true });
  type(page, 'ArrowDown', undefined, { altKey: true });
  expect(pressed).toEqual(['two a', 'two r', 'two open', 'two up', 'two down']);
});

test('keys with Ctrl or Meta and keys typed into a field are left alone', () => {
  const page = open(TABLE);
  expect(type(page, 'a', undefined, { ctrlKey: true })).toBe(false);
  expect(type(page, 'n', page.querySelector('textarea'))).toBe(false);
  expect(type(page, 'n', page.querySelector('input'))).toBe(false);
  expect(pressed).toEqual([]);
});

test('a shortcut works anywhere on the page, a disabled one does not', () => {
  const page = open(TABLE);
  type(page, 'n', page.body);
  expect(pressed).toEqual(['n']);
  page.querySelector<HTMLButtonElement>('[data-shortcut]')!.disabled = true;
  expect(type(page, 'n', page.body)).toBe(false);
  expect(pressed).toEqual(['n']);
});

test('Enter on a button inside a row is the button’s own', () => {
  const page = open(TABLE);
  expect(type(page, 'Enter', page.querySelector('[data-key=a]'))).toBe(false);
});

test('single keys can be switched off; a focused row keeps its letters and arrows', () => {
  const page = open(TABLE);
  const box = page.querySelector<HTMLInputElement>('[data-keys-switch]')!;
  expect(box.checked).toBe(true);
  box.checked = false;
  box.dispatchEvent(new Event('change', { bubbles: true }));
  expect(type(page, 'n', page.body)).toBe(false);
  expect(type(page, '/', page.body)).toBe(false);
  type(page, 'j');
  expect(at(page)).toBeUndefined();
  type(page, 'ArrowDown');
  expect(at(page)).toBe('two');
  type(page, 'a');
  expect(pressed).toEqual(['two a']);
});

test('after a row’s key reloaded the page, the row that moved up into its place is next', () => {
  const page = open(TABLE);
  type(page, 'j');
  type(page, 'a');
  const reloaded = open(TABLE.replace(row('two'), ''));
  expect(at(reloaded)).toBe('three');
  expect(sessionStorage.length).toBe(0);
});

test('after a row was moved, the same row is next', () => {
  const page = open(TABLE);
  type(page, 'ArrowDown', undefined, { altKey: true });
  const reloaded = open(TABLE.replace(row('one') + row('two'), row('two') + row('one')));
  expect(at(reloaded)).toBe('one');
});

test('the list of keys is made from what is on the page', () => {
  const page = open(TABLE);
  expect(listed(page)).toEqual([
    ['N', 'New case'],
    ['/', 'Search'],
    ['J K ↓ ↑', 'Rows'],
    ['Enter', 'Open'],
    ['Alt ↑ ↓', 'Move'],
    ['A', 'Accept'],
    ['R', 'Return'],
    ['?', 'Help'],
  ]);
  expect(listed(open('<dl data-keys-list data-help="Help"></dl>'))).toEqual([['?', 'Help']]);
});
