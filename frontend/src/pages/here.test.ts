import { expect, test } from 'vitest';
import { here } from './here';

function placed(element: HTMLElement, place: Record<string, number>): void {
  for (const [name, value] of Object.entries(place)) Object.defineProperty(element, name, { value });
}

test('the own entry of a navigation that is wider than the screen is in its middle', () => {
  document.body.innerHTML = '<nav class="nav"><ul><li><a href="/">A</a></li><li><a href="/b/" aria-current="page">B</a></li></ul></nav>';
  const bar = document.querySelector<HTMLElement>('.nav')!;
  placed(bar, { offsetLeft: 10, clientWidth: 300 });
  placed(document.querySelector<HTMLElement>('[aria-current]')!, { offsetLeft: 410, offsetWidth: 60 });
  here(document);
  expect(bar.scrollLeft).toBe(280);
});

test('a page without navigation, or beside it, is left alone', () => {
  document.body.innerHTML = '<nav class="nav"><ul><li><a href="/">A</a></li></ul></nav>';
  here(document);
  expect(document.querySelector('.nav')!.scrollLeft).toBe(0);
});
