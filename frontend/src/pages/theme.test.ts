import { afterEach, expect, test } from 'vitest';
import { choose, shown, themeSwitch } from './theme';

afterEach(() => choose(document, undefined));

test('a chosen theme is shown and kept in a cookie for the server', () => {
  choose(document, 'dark');
  expect(document.documentElement.dataset['theme']).toBe('dark');
  expect(document.cookie).toBe('theme=dark');
  choose(document, undefined);
  expect(document.documentElement.dataset['theme']).toBeUndefined();
  expect(document.cookie).toBe('');
});

test('the switch turns what is seen now, the menu goes back to the system', () => {
  document.body.innerHTML = `<button data-theme-switch hidden></button>
    <select data-theme-choice><option value="">system</option><option value="light">light</option><option value="dark">dark</option></select>`;
  themeSwitch(document);
  const button = document.querySelector('button')!;
  const select = document.querySelector('select')!;
  expect(button.hidden).toBe(false);
  const before = shown(document);
  button.click();
  expect(shown(document)).toBe(before === 'dark' ? 'light' : 'dark');
  expect(select.value).toBe(shown(document));
  select.value = '';
  select.dispatchEvent(new Event('change'));
  expect(document.documentElement.dataset['theme']).toBeUndefined();
});
