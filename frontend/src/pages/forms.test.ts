import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { errorsSummary } from './errors';
import { fillButtons } from './fill';
import { dirty, guardForms } from './guard';
import { ownListeners } from './listeners.testing';
import { sendOnce } from './send';

ownListeners();

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function submit(form: HTMLFormElement): boolean {
  const event = new SubmitEvent('submit', { bubbles: true, cancelable: true, submitter: form.querySelector('button') });
  form.dispatchEvent(event);
  return !event.defaultPrevented;
}

function form(html: string): HTMLFormElement {
  document.body.innerHTML = html;
  return document.querySelector('form')!;
}

test('a second press while the first is under way is swallowed, and a new try is possible when no answer came', () => {
  const sent = form('<form method="post"><button>Send</button></form>');
  sendOnce(document);
  expect([submit(sent), submit(sent)]).toEqual([true, false]);
  expect(sent.querySelector('button')!.getAttribute('aria-busy')).toBe('true');
  expect(sent.querySelector('button')!.disabled).toBe(false);
  vi.advanceTimersByTime(7_999);
  expect(submit(sent)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(sent.querySelector('button')!.hasAttribute('aria-busy')).toBe(false);
  expect(submit(sent)).toBe(true);
});

test('coming back to the page, or htmx being done, permits a new try at once', () => {
  const sent = form('<form method="post" hx-post="/"><button>Send</button></form>');
  sendOnce(document);
  submit(sent);
  window.dispatchEvent(new Event('pageshow'));
  expect(submit(sent)).toBe(true);
  sent.dispatchEvent(new CustomEvent('htmx:afterRequest', { bubbles: true }));
  expect(submit(sent)).toBe(true);
});

test('what another listener stopped is not under way', async () => {
  const sent = form('<form method="post"><button>Send</button></form>');
  sendOnce(document);
  sent.addEventListener('submit', (event) => event.preventDefault(), { once: true });
  submit(sent);
  await vi.advanceTimersByTimeAsync(1);
  expect(submit(sent)).toBe(true);
});

test('a search may be sent as often as one likes', () => {
  const search = form('<form method="get"><input name="method" value="post"><button>Search</button></form>');
  sendOnce(document);
  expect([submit(search), submit(search)]).toEqual([true, true]);
});

function leaves(): boolean {
  const event = new Event('beforeunload', { cancelable: true });
  window.dispatchEvent(event);
  return !event.defaultPrevented;
}

test('leaving asks only while something typed is not sent', () => {
  const guarded = form('<form data-guard method="post"><input name="question" value="before"></form>');
  guardForms(document);
  expect(leaves()).toBe(true);
  const input = guarded.querySelector('input')!;
  input.value = 'What now?';
  expect(leaves()).toBe(false);
  input.value = 'before';
  expect(leaves()).toBe(true);
  input.value = 'What now?';
  guarded.dataset['sending'] = '';
  expect(leaves()).toBe(true);
});

test('a form that came back with errors is not saved, whatever it holds', () => {
  const guarded = form('<form data-guard="dirty" method="post"><input name="question" value="typed before"></form>');
  guardForms(document);
  expect(dirty(guarded)).toBe(true);
  expect(leaves()).toBe(false);
});

test('a form without the attribute never holds anybody back', () => {
  form('<form method="get"><input name="q"></form>').querySelector('input')!.value = 'breast';
  guardForms(document);
  expect(leaves()).toBe(true);
});

test('the errors summary is focused, names itself in the title, and leads into the field or the first choice of a group', () => {
  document.title = 'New case';
  document.body.innerHTML = `
    <div data-errors data-title-prefix="Error: " tabindex="-1"><a href="#id_question">Question</a><a href="#id_sex">Sex</a></div>
    <div class="field"><textarea id="id_question"></textarea></div>
    <div id="id_sex"><input type="radio" name="sex" value="f"><input type="radio" name="sex" value="m"></div>`;
  Element.prototype.scrollIntoView = () => {};
  errorsSummary(document);
  expect(document.title).toBe('Error: New case');
  expect(document.activeElement).toBe(document.querySelector('[data-errors]'));
  const [question, sex] = document.querySelectorAll('a');
  question!.click();
  expect(document.activeElement?.id).toBe('id_question');
  sex!.click();
  expect((document.activeElement as HTMLInputElement).value).toBe('f');
});

test('a demo account fills the form and leads to the button', () => {
  document.body.innerHTML = `<input id="id_login"><input id="id_password"><button id="go">Sign in</button>
    <button type="button" id="chair" data-fill="{&quot;id_login&quot;:&quot;chair&quot;,&quot;id_password&quot;:&quot;it\\u0027s&quot;}" data-fill-then="go">Chair</button>`;
  fillButtons(document);
  document.getElementById('chair')!.click();
  expect([...document.querySelectorAll('input')].map((input) => input.value)).toEqual(['chair', "it's"]);
  expect(document.activeElement?.id).toBe('go');
});
