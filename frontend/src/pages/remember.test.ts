// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ownListeners } from './listeners.testing';
import { remember } from './remember';

const FORM = `<form id="search" data-remember="ann" method="post">
  <input name="csrfmiddlewaretoken" value="secret"><input name="words" value=""><input name="since" value="">
</form><select name="board" form="search"><option value=""></option><option value="b1">B</option></select>`;

function form(): HTMLFormElement {
  return document.querySelector('form') as HTMLFormElement;
}

function answered(successful: boolean, sent: Record<string, string> = {}): void {
  const formData = new FormData(form());
  for (const [name, value] of Object.entries(sent)) formData.set(name, value);
  form().dispatchEvent(new CustomEvent('htmx:afterRequest', { bubbles: true, detail: { successful, requestConfig: { formData } } }));
}

ownListeners();

describe('a search without an address', () => {
  beforeEach(() => {
    history.replaceState(null, '');
    document.body.innerHTML = FORM;
  });

  it('keeps what was sent with the entry of the history, without token and empty fields', () => {
    remember(document);
    (form().elements.namedItem('words') as HTMLInputElement).value = 'lumpectomie';
    answered(false);
    expect(history.state).toBeNull();
    answered(true, { page: '2' });
    expect(history.state).toEqual({ remembered: { who: 'ann', values: [['words', 'lumpectomie'], ['page', '2']] } });
    expect(location.search).toBe('');
  });

  it('fills it in and sends it again when the same person comes back', () => {
    vi.useFakeTimers();
    const values = [['words', 'lumpectomie'], ['board', 'b1'], ['hospital', 'h1'], ['page', '2']];
    history.replaceState({ remembered: { who: 'ann', values } }, '');
    const send = vi.spyOn(form(), 'requestSubmit').mockImplementation(() => undefined);
    remember(document);
    vi.runAllTimers();
    expect(send).toHaveBeenCalledTimes(1);
    const data = Object.fromEntries([...new FormData(form())].filter(([name]) => name !== 'csrfmiddlewaretoken'));
    expect(data).toEqual({ words: 'lumpectomie', since: '', board: 'b1', hospital: 'h1', page: '2' });
    answered(true);
    expect(form().querySelectorAll('[data-remembered]')).toHaveLength(0);
    vi.useRealTimers();
  });

  it('tells the next person nothing', () => {
    vi.useFakeTimers();
    history.replaceState({ remembered: { who: 'bert', values: [['words', 'lumpectomie']] } }, '');
    const send = vi.spyOn(form(), 'requestSubmit').mockImplementation(() => undefined);
    remember(document);
    vi.runAllTimers();
    expect(send).not.toHaveBeenCalled();
    expect((form().elements.namedItem('words') as HTMLInputElement).value).toBe('');
    vi.useRealTimers();
  });
});
