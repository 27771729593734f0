import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { codeFields } from './codes';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  document.body.innerHTML = '';
});

function page(): { input: HTMLInputElement; select: HTMLSelectElement; list: HTMLElement } {
  document.body.innerHTML = `<form data-codes="/codes/" data-codes-none="None" data-codes-found="Found:"><label for="id_site">Site</label>
    <select id="id_site" name="site" data-find="topography"><option value="">—</option><option value="C50.2">C50.2 – inner</option><option value="C50.4" selected>C50.4 – outer</option></select></form>`;
  codeFields(document);
  return { input: document.querySelector('#id_site')!, select: document.querySelector('select')!, list: document.querySelector('[role=listbox]')! };
}

function key(input: HTMLElement, name: string): void {
  input.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
}

async function type(input: HTMLInputElement, value: string): Promise<void> {
  input.focus();
  input.value = value;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  await vi.advanceTimersByTimeAsync(200);
}

test('words find a code, keys choose it, and the list behind it is what is sent', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ hits: [{ code: 'C34.1', words: 'lung' }, { code: 'C50.2', words: 'inner' }] }))));
  const { input, select, list } = page();
  expect([input.value, input.labels![0]!.textContent, select.hidden]).toEqual(['C50.4 – outer', 'Site', true]);
  const changed = vi.fn();
  select.addEventListener('change', changed);
  await type(input, 'binnen');
  // What the form does not offer is not offered.
  expect([...list.children].map((each) => each.textContent)).toEqual(['C50.2 inner']);
  expect(input.getAttribute('aria-activedescendant')).toBe(list.children[0]!.id);
  key(input, 'Enter');
  expect([select.value, input.value, list.hidden, input.getAttribute('aria-expanded')]).toEqual(['C50.2', 'C50.2 – inner', true, 'false']);
  expect(changed).toHaveBeenCalledOnce();
});

test('without an answer the list itself is searched; what fits nothing is left as it was', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')));
  const { input, select, list } = page();
  await type(input, 'INNER');
  expect([...list.children].map((each) => each.textContent)).toEqual(['C50.2 inner']);
  await type(input, 'nothing');
  expect([list.children[0]!.textContent, document.querySelector('[role=status]')!.textContent]).toEqual(['None', 'None']);
  key(input, 'Enter');
  input.blur();
  expect([select.value, input.value]).toEqual(['C50.4', 'C50.4 – outer']);
});

test('the whole list opens by a key, Escape closes it, an empty field is no answer', async () => {
  const { input, select, list } = page();
  input.focus();
  key(input, 'ArrowDown');
  expect([list.hidden, list.querySelector('[aria-selected=true]')!.textContent]).toEqual([false, 'C50.4 outer']);
  key(input, 'ArrowDown');
  expect(list.querySelector('[aria-selected=true]')!.textContent).toBe('C50.2 inner');
  key(input, 'Escape');
  expect([list.hidden, select.value]).toEqual([true, 'C50.4']);
  input.value = '';
  input.blur();
  expect(select.value).toBe('');
});
