import { beforeEach, describe, expect, it } from 'vitest';
import { tickAll } from './tick';

const table = (ticked: boolean[]) =>
  `<table><thead><tr><td><input type="checkbox" data-tick-all></td></tr></thead><tbody>${ticked
    .map((on) => `<tr><td><input type="checkbox" name="referral"${on ? ' checked' : ''}></td></tr>`)
    .join('')}</tbody></table>`;

const all = () => document.querySelector<HTMLInputElement>('[data-tick-all]')!;
const rows = () => [...document.querySelectorAll<HTMLInputElement>('[name=referral]')];
const other = () => [...document.querySelectorAll<HTMLInputElement>('[name=other]')];

describe('the box that ticks all', () => {
  beforeEach(() => {
    document.body.innerHTML = table([false, true, false]) + '<table><tbody><tr><td><input type="checkbox" name="other"></td></tr></tbody></table>';
    tickAll(document);
  });

  it('shows that some are ticked, ticks all of its own table, and none', () => {
    expect([all().checked, all().indeterminate]).toEqual([false, true]);
    all().click();
    expect(rows().map((box) => box.checked)).toEqual([true, true, true]);
    expect(other().map((box) => box.checked)).toEqual([false]);
    all().click();
    expect(rows().map((box) => box.checked)).toEqual([false, false, false]);
  });

  it('follows when the rows are ticked by hand', () => {
    rows()[0]!.click();
    rows()[2]!.click();
    expect([all().checked, all().indeterminate]).toEqual([true, false]);
    rows()[1]!.click();
    expect([all().checked, all().indeterminate]).toEqual([false, true]);
  });
});
