import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { drafts } from './drafts';
import { dirty, guardForms } from './guard';
import { ownListeners } from './listeners.testing';
import { sendOnce } from './send';

ownListeners();

let sent: URLSearchParams[] = [];
let answers: (() => Promise<Response>)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  [sent, answers] = [[], []];
  vi.stubGlobal('fetch', (_url: string, init: { body: URLSearchParams }) => {
    sent.push(init.body);
    return answers.shift()!();
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function json(body: object, status = 200): () => Promise<Response> {
  return () => Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } }));
}

const lost = (): Promise<Response> => Promise.reject(new TypeError('no network'));

function page(): { form: HTMLFormElement; input: HTMLInputElement; state: HTMLElement } {
  document.body.innerHTML = `<div id="differences"></div><form method="post" data-guard data-draft="/draft/">
    <input type="hidden" name="command_id" value="one"><input type="hidden" name="version" value="1"><input type="hidden" name="seen" value="a">
    <div class="field"><label for="id_wishes">Wishes</label><input id="id_wishes" name="wishes" value=""></div>
    <button>Save</button><p data-draft-state hidden data-saved="Saved" data-saving="Saving" data-unsaved="Not saved" data-partly="Partly" data-wrong="Wrong" data-offline="Offline" data-changed="Changed" data-refused="Refused"></p></form>`;
  guardForms(document);
  drafts(document);
  sendOnce(document);
  return { form: document.querySelector('form')!, input: document.querySelector('#id_wishes')!, state: document.querySelector('[data-draft-state]')! };
}

function type(input: HTMLInputElement, value: string): void {
  input.value = value;
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

function press(form: HTMLFormElement): boolean {
  const event = new SubmitEvent('submit', { bubbles: true, cancelable: true, submitter: form.querySelector('button') });
  form.dispatchEvent(event);
  return !event.defaultPrevented;
}

test('what is typed is saved after a pause, and built on afterwards', async () => {
  const { form, input, state } = page();
  answers = [json({ command_id: 'two', version: 2, seen: 'b', errors: {} }), json({ command_id: 'three', version: 3, seen: 'c', errors: {} })];
  type(input, 'first');
  expect([state.textContent, dirty(form), sent.length]).toEqual(['Not saved', true, 0]);
  await vi.advanceTimersByTimeAsync(1_500);
  expect([state.textContent?.startsWith('Saved '), dirty(form), sent.length]).toEqual([true, false, 1]);
  type(input, 'second');
  await vi.advanceTimersByTimeAsync(1_500);
  expect(sent.map((body) => [body.get('command_id'), body.get('version'), body.get('seen'), body.get('wishes')])).toEqual([
    ['one', '1', 'a', 'first'],
    ['two', '2', 'b', 'second'],
  ]);
});

test('without a line the same is sent again, and only then what was typed meanwhile', async () => {
  const { form, input, state } = page();
  answers = [lost, json({ command_id: 'two', version: 2, seen: 'b', errors: {} }), json({ command_id: 'three', version: 3, seen: 'c', errors: {} })];
  type(input, 'first');
  await vi.advanceTimersByTimeAsync(1_500);
  expect([state.textContent, dirty(form)]).toEqual(['Offline', true]);
  type(input, 'more');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sent.map((body) => [body.get('command_id'), body.get('wishes')])).toEqual([
    ['one', 'first'],
    ['one', 'first'],
    ['two', 'more'],
  ]);
  expect(dirty(form)).toBe(false);
});

test('somebody else saved: the differences are shown, and nothing is sent by itself any more', async () => {
  const { form, input, state } = page();
  answers = [json({ command_id: 'two', version: 5, seen: 'z', differences: '<p>theirs</p>' }, 409)];
  type(input, 'mine');
  await vi.advanceTimersByTimeAsync(1_500);
  expect([state.textContent, dirty(form), document.getElementById('differences')!.textContent, input.value]).toEqual(['Changed', true, 'theirs', 'mine']);
  type(input, 'mine still');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent.length).toBe(1);
  expect(form.querySelector<HTMLInputElement>('[name=version]')!.value).toBe('5');
  expect(press(form)).toBe(true);
});

test('a button waits for what is under way, and does not go over what somebody else saved', async () => {
  const { form, input } = page();
  const pressed = vi.spyOn(form, 'requestSubmit').mockImplementation(() => undefined);
  let answer: (value: Response) => void = () => undefined;
  answers = [() => new Promise((resolve) => (answer = resolve))];
  type(input, 'mine');
  await vi.advanceTimersByTimeAsync(1_500);
  expect(press(form)).toBe(false);
  answer(await json({ command_id: 'two', version: 2, seen: 'b', errors: {} })());
  await vi.advanceTimersByTimeAsync(10);
  expect(pressed).toHaveBeenCalledOnce();

  answers = [json({ command_id: 'three', version: 5, seen: 'z', differences: '<p>theirs</p>' }, 409)];
  type(input, 'mine again');
  await vi.advanceTimersByTimeAsync(1_200);
  expect(press(form)).toBe(true);
  expect(pressed).toHaveBeenCalledOnce();
});

test('what is wrong is said beside its field once it is left, and the rest counts as not saved', async () => {
  const { form, input, state } = page();
  const error = '<div class="field-error" id="id_wishes_error">Too long</div>';
  answers = [json({ command_id: 'two', version: 2, seen: 'b', errors: { id_wishes: error } }), json({ command_id: 'three', version: 3, seen: 'c', errors: {} })];
  input.focus();
  type(input, 'wrong');
  await vi.advanceTimersByTimeAsync(1_500);
  expect([state.textContent, dirty(form), form.querySelector('.field-error')]).toEqual(['Partly', true, null]);
  input.blur();
  await vi.advanceTimersByTimeAsync(10);
  expect([form.querySelector('.field-error')!.textContent, input.getAttribute('aria-invalid')]).toEqual(['Too long', 'true']);
  type(input, 'right');
  await vi.advanceTimersByTimeAsync(1_500);
  expect([form.querySelector('.field-error'), dirty(form)]).toEqual([null, false]);
});
