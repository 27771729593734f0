import { beforeEach, expect, test } from 'vitest';
import { ownListeners } from './listeners.testing';
import { said } from './said';

ownListeners();

beforeEach(() => {
  document.body.innerHTML = `
    <a id="outside" href="#">outside</a>
    <div data-said>
      <table><tbody>
        <tr id="er" data-keys="er"><td><input type="checkbox" id="tick"></td></tr>
        <tr id="pr" data-keys="pr"><td></td></tr>
      </tbody></table>
      <p><a id="both" href="#" data-keys="er pr">95 %</a> <a id="one" href="#" data-keys="pr">40 %</a></p>
    </div>`;
  said(document);
});

const lit = (): string[] => [...document.querySelectorAll('[data-lit]')].map((each) => each.id);

test('a row lights its words, words light their rows, and elsewhere nothing is lit', () => {
  document.getElementById('tick')!.dispatchEvent(new Event('focusin', { bubbles: true }));
  expect(lit()).toEqual(['er', 'both']);
  document.getElementById('one')!.dispatchEvent(new Event('pointerover', { bubbles: true }));
  expect(lit()).toEqual(['pr', 'both', 'one']);
  document.getElementById('both')!.dispatchEvent(new Event('focusin', { bubbles: true }));
  expect(lit()).toEqual(['er', 'pr', 'both', 'one']);
  document.getElementById('outside')!.dispatchEvent(new Event('focusin', { bubbles: true }));
  expect(lit()).toEqual([]);
});
