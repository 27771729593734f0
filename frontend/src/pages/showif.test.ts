import { beforeEach, expect, test } from 'vitest';
import { ownListeners } from './listeners.testing';
import { showIf } from './showif';

ownListeners();

beforeEach(() => {
  document.body.innerHTML = `<form>
    <select name="her2"><option value="">-</option><option value="2+">2+</option><option value="3+">3+</option></select>
    <div id="ish" data-show-if="her2" data-show-values="2+ 3+"><select name="ish"><option value="">-</option><option value="done">done</option></select></div>
    <div id="ratio" data-show-if="ish" data-show-values="done"><input name="ratio"></div>
    <label><input type="checkbox" name="without"></label>
    <div id="other" data-show-if="without" data-show-values="on"></div>
    <div id="wrong" data-show-if="her2" data-show-values="3+"><div class="field field-invalid"></div></div>
  </form>`;
  showIf(document);
});

const hidden = () => ['ish', 'ratio', 'other', 'wrong'].filter((id) => document.getElementById(id)?.hidden);

function choose(name: string, value: string): void {
  const select = document.querySelector<HTMLSelectElement>(`[name=${name}]`)!;
  select.value = value;
  select.dispatchEvent(new Event('change', { bubbles: true }));
}

test('what is not asked is hidden, an answer with an error stays in sight', () => {
  expect(hidden()).toEqual(['ish', 'ratio', 'other']);
});

test('an answer shows what hangs on it, and hides what hangs on what is hidden', () => {
  choose('her2', '2+');
  expect(hidden()).toEqual(['ratio', 'other']);
  choose('ish', 'done');
  expect(hidden()).toEqual(['other']);
  choose('her2', '');
  expect(hidden()).toEqual(['ish', 'ratio', 'other']);
});

test('a ticked box says on', () => {
  document.querySelector<HTMLInputElement>('[name=without]')!.click();
  expect(hidden()).toEqual(['ish', 'ratio']);
});
