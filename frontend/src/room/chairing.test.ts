/** Leading a meeting, reading back and talking, on the whole page against the small server. */
import { mount, tick, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import RoomApp from './components/RoomApp.svelte';
import { aPerson, aRoom, anItem, CHAIR, itemId, MEETING, MEMBER, organisationId, personId } from './fixtures.testing';
import type { Meeting, Room } from './protocol';
import { RoomStore } from './room.svelte';
import { openSocket, Table } from './table.testing';

let table: Table;
const pages: { store: RoomStore; app: ReturnType<typeof mount>; at: HTMLElement }[] = [];
let port: number;

const see = (condition: () => unknown) => vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 10_000, interval: 10 });
const page = (n = 0) => pages[n]!;
const text = (n = 0) => page(n).at.textContent?.replace(/\s+/g, ' ') ?? '';
const find = <E extends HTMLElement>(selector: string, n = 0) => page(n).at.querySelector<E>(selector);
const button = (label: string, n = 0) => [...page(n).at.querySelectorAll<HTMLButtonElement>('button')].find((each) => each.textContent?.replace(/\s+/g, ' ').trim().startsWith(label));
const dialogIs = (title: string) => see(() => find('dialog')?.textContent?.includes(title));
const noDialog = () => see(() => !find('dialog'));
const did = () => table.heard.map((command) => command.do);
const announced = (n = 0) => find('[aria-live=polite]:not(.lobby)', n)?.textContent ?? '';
const rows = () => [...page().at.querySelectorAll<HTMLElement>('[data-row]')].map((row) => Number(row.dataset['row']!.slice(-2)));

/** A key at the page; the first page's listeners stand at the window too, so only pages with one are pressed at. */
function press(key: string, change: KeyboardEventInit = {}): void {
  (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...change }));
}

function fill(field: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, value: string): void {
  field.value = value;
  field.dispatchEvent(new Event(field instanceof HTMLSelectElement ? 'change' : 'input', { bubbles: true }));
}

const LONG = 'More than 60 minutes without a break.';
const submit = (n = 0) => find<HTMLFormElement>('dialog form', n)!.requestSubmit();

async function enter(who = 'chair'): Promise<void> {
  const at = document.createElement('div');
  document.body.append(at);
  const store = new RoomStore(MEETING, `ws://127.0.0.1:${port}/ws/meetings/${MEETING}/${who}/`, { open: openSocket, random: Math.random });
  pages.push({ store, app: mount(RoomApp, { target: at, props: { store } }), at });
  store.start();
  await see(() => store.link.state === 'connected');
}

function running(change: Partial<Room> = {}, meeting: Partial<Meeting> = {}): Room {
  return aRoom({
    items: [anItem(1, { state: 'open', opened_at: new Date().toISOString() }), ...[2, 3, 4, 5].map((n) => anItem(n))],
    people: [
      aPerson(1, { role: 'chair' }),
      aPerson(2, { discipline: 'Radiologie' }),
      aPerson(3, { role: 'secretary', discipline: '' }),
      aPerson(4, { present: false, discipline: 'Anatomopathologie', name: 'dr. Inge Claes' }),
    ],
    ...change,
    meeting: { ...aRoom().meeting, state: 'running', started_at: new Date().toISOString(), current: itemId(1), read_back: 'no_objection', ...meeting },
  });
}

beforeEach(async () => {
  // jsdom has no modal dialogs; everything else of the page is real.
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  table = new Table(running());
  table.people = { chair: CHAIR, member: MEMBER };
  table.drafts.set(itemId(1), { version: 0, text: 'Surgery first.', intent: null, steps: [{ kind: 'surgery', text: 'breast-conserving' }], deviation: '', editable: true });
  table.extra = (request, response) => {
    const stage = /\/items\/([^/]+)\/stage\/(\?|$)/.exec(request.url ?? '');
    if (stage) response.end(`<div class="identity">patient of ${stage[1]}</div>`);
    return stage !== null;
  };
  port = await table.listen();
  const real = globalThis.fetch;
  vi.stubGlobal('fetch', (path: string, options: RequestInit) => real(new URL(path, `http://127.0.0.1:${port}`), options));
});

afterEach(async () => {
  for (const { app, store } of pages.splice(0)) {
    await unmount(app);
    store.stop();
  }
  vi.unstubAllGlobals();
  vi.useRealTimers();
  await table.close();
  document.body.replaceChildren();
});

/** Read the open item's wording back and wait until it stands on the page. */
async function readBack(): Promise<void> {
  await see(() => page().store.draft?.loaded);
  press('r');
  await see(() => table.item(itemId(1)).read_back);
  await see(() => find('.panel-read')?.textContent?.includes('breast-conserving'));
}

describe('read-back', () => {
  test('stands large with who said what; a dissent is asked for its reason and shown with it', async () => {
    await enter();
    await readBack();
    expect(announced()).toBe('The wording for item 1, A.B. 1951, is read back.');
    expect(find('.panel-read')!.textContent).toContain('Read back by dr. P. Persoon 1');
    expect(find('.panel-read')!.textContent).toContain('Next records it, unless somebody dissents.');
    press('d');
    await dialogIs('Dissent on 1. A.B. 1951');
    expect(find('dialog')!.textContent).toContain('kept in the record');
    submit();
    await see(() => find('dialog')?.textContent?.includes('Say why.'));
    fill(find('dialog textarea')!, 'Neoadjuvant chemotherapy first.');
    submit();
    await noDialog();
    await see(() => find('.voices')?.textContent?.includes('Neoadjuvant chemotherapy first.'));
    expect(announced()).toBe('dr. P. Persoon 1 dissents.');
    expect(table.heard.at(-1)!.args).toEqual({ item: itemId(1), round: 1, reason: 'Neoadjuvant chemotherapy first.' });
  });

  test('Next records what stands, where no objection is enough', async () => {
    await enter();
    await readBack();
    press('n');
    await see(() => table.room.meeting.current === itemId(2));
    expect(find('dialog')).toBeNull();
    expect(table.item(itemId(1)).decision?.state).toBe('recorded');
  });

  test('R records it, but not the same press that began it', async () => {
    await enter();
    await readBack();
    const begun = Date.now();
    press('r');
    expect(did()).toEqual(['readback.begin']);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(begun + 2_000);
    press('r');
    await see(() => table.item(itemId(1)).decision);
    clock.mockRestore();
    expect(table.heard.at(-1)).toMatchObject({ do: 'decision.record', args: { item: itemId(1), version: 0, text: null } });
  });

  test('each discipline is waited for by name; Y confirms', async () => {
    table.room.meeting = { ...table.room.meeting, read_back: 'each' };
    await enter();
    await readBack();
    expect(find('.panel-read')!.textContent).toContain('Each discipline confirms.');
    expect([...page().at.querySelectorAll('.missing')].map((row) => row.textContent?.replace(/\s+/g, ' ').trim())).toEqual(['Medische oncologie · Not yet heard', 'Radiologie · Not yet heard', '· Not yet heard']);
    press('y');
    await see(() => find('[data-voice=confirm]')?.getAttribute('aria-pressed') === 'true');
    expect(find('.voices')!.textContent).toContain('Medische oncologie');
    expect(page().at.querySelectorAll('.missing').length).toBe(2);
    press('n');
    await dialogIs('has no recorded recommendation');
  });

  test('changing the wording takes it off every screen', async () => {
    await enter();
    await readBack();
    press('w');
    await see(() => !find('.panel-read'));
    expect([did().at(-1), announced()]).toEqual(['readback.withdraw', 'The wording for item 1, A.B. 1951, is being changed.']);
  });

  test('what was recorded can be changed while its item lies on the table', async () => {
    table.room.items[0]!.decision = { id: 'd', state: 'recorded', version: 1 };
    table.extras.voices.set(itemId(1), [{ person: personId(2), name: 'dr. P. Persoon 2', discipline: 'Radiologie', kind: 'dissent', reason: 'Too early.', at: new Date().toISOString() }]);
    await enter();
    await see(() => button('Change what was recorded'));
    await see(() => text().includes('dr. P. Persoon 2 dissents. Too early.'));
    button('Change what was recorded')!.click();
    await see(() => table.item(itemId(1)).decision === null);
  });

  test('a member confirms and dissents, and neither begins nor records', async () => {
    table.room.items[0]!.read_back = { at: new Date().toISOString(), by: personId(1), by_name: 'dr. P. Persoon 1', round: 1, voices: [], missing: [] };
    await enter('member');
    await see(() => find('[data-voice=confirm]'));
    expect([find('[data-voice=record]'), find('.panel-read')!.textContent?.includes('It stands if nobody dissents.')]).toEqual([null, true]);
    press('r');
    press('w');
    press('y');
    await see(() => find('[data-voice=confirm]')?.getAttribute('aria-pressed') === 'true');
    expect(did()).toEqual(['readback.confirm']);
  });

  test('a board without read-back records as before', async () => {
    table.room.meeting = { ...table.room.meeting, read_back: 'off' };
    await enter();
    await see(() => page().store.draft?.loaded);
    press('r');
    await dialogIs('Record the recommendation for 1. A.B. 1951');
    expect(did()).toEqual([]);
  });
});

describe('the last step', () => {
  test('can be taken back for half a minute, and says what it was', async () => {
    await enter();
    press('j');
    await see(() => document.activeElement?.getAttribute('data-row') === itemId(2));
    press('a');
    await see(() => find('.undo')?.textContent?.includes('parked 2. A.B. 1952'));
    expect(find('.undo .seconds')!.textContent).toMatch(/^(30|29) s$/);
    expect([rows(), announced()]).toEqual([[1, 3, 4, 5, 2], 'Item 2, A.B. 1952, is parked.']);
    press('u');
    await see(() => !find('.undo'));
    expect([rows(), announced()]).toEqual([[1, 2, 3, 4, 5], 'The last step was undone.']);
  });

  test('is offered to nobody who may not, and not for longer than it can be', async () => {
    table.room.meeting.undo = { what: 'agenda.next', until: new Date(Date.now() - 1).toISOString(), by: null };
    await enter();
    expect(find('.undo')).toBeNull();
    table.room.meeting = { ...table.room.meeting, undo: { what: 'agenda.next', until: new Date(Date.now() + 20_000).toISOString(), by: null } };
    table.happen('x', { meeting: table.room.meeting });
    await see(() => find('.undo')?.textContent?.includes('went on'));
    table.happen('role.changed', { you: { ...CHAIR, can: ['draft'] } });
    await see(() => !find('.undo'));
  });
});

describe('breaks', () => {
  test('begin with B, stand on the stage and in the header, end with B', async () => {
    table.room.meeting.current = null;
    table.room.items[0]!.state = 'discussed';
    await enter();
    press('b');
    await dialogIs('Take a break');
    button('5 minutes')!.click();
    await see(() => find('.rest h2')?.textContent?.startsWith('Break until'));
    await noDialog();
    expect([find('header .timer')!.textContent?.includes('left'), announced().startsWith('Break until')]).toEqual([true, true]);
    press('b');
    await see(() => !find('.rest'));
    expect([did(), announced()]).toEqual([['meeting.take_break', 'meeting.end_break'], 'The break is over.']);
  });

  test('one is proposed after an hour between items, put off to the next one', async () => {
    const hourAgo = new Date(Date.now() - 61 * 60_000).toISOString();
    table.room.meeting.started_at = hourAgo;
    await enter();
    expect(text()).not.toContain(LONG);
    table.change(table.item(itemId(1)), { decision: { id: 'd', state: 'recorded', version: 1 } }, 'decision.recorded');
    await see(() => text().includes(LONG));
    button('Not now')!.click();
    await see(() => !text().includes(LONG));
    table.change(table.item(itemId(1)), { state: 'discussed' }, 'agenda.item_closed');
    await see(() => text().includes(LONG));
    table.room.meeting = { ...table.room.meeting, breaks: [[hourAgo, new Date().toISOString()]] };
    table.happen('meeting.break_ended', { meeting: table.room.meeting });
    await see(() => !text().includes(LONG));
  });

  test('the one that is planned stands in the agenda, is proposed at its place, and takes its own minutes', async () => {
    table.room.meeting.started_at = new Date(Date.now() - 99 * 60_000).toISOString();
    table.room.forecast = { end: '2026-11-25T14:30:00Z', items: {}, breaks: { [itemId(3)]: { at: '2026-11-25T14:06:00Z', minutes: 12 } } };
    await enter();
    expect(find('ol .rest')!.textContent).toContain('Break, 12 minutes');
    expect(find('ol .rest')!.nextElementSibling!.querySelector('[data-row]')!.getAttribute('data-row')).toBe(itemId(3));
    // One is to come: however long it has been, nothing else is proposed.
    table.change(table.item(itemId(1)), { decision: { id: 'd', state: 'recorded', version: 1 } }, 'decision.recorded');
    await see(() => page().store.open?.decision);
    expect(text()).not.toContain(LONG);
    table.change(table.item(itemId(2)), { state: 'discussed' }, 'agenda.item_closed');
    await see(() => text().includes('A break is planned now.'));
    press('b');
    await dialogIs('Take a break');
    expect([...page().at.querySelectorAll<HTMLElement>('dialog [data-minutes]')].map((each) => [each.dataset['minutes'], 'first' in each.dataset])).toEqual([['5', false], ['10', false], ['12', true], ['15', false]]);
  });

  test('a board that wishes none is proposed none', async () => {
    table.room.meeting = { ...table.room.meeting, break_after: 0, started_at: new Date(Date.now() - 99 * 60_000).toISOString() };
    table.room.items[0]!.decision = { id: 'd', state: 'recorded', version: 1 };
    await enter();
    expect(text()).not.toContain('without a break');
  });

  test('a member is asked nothing', async () => {
    table.room.meeting = { ...table.room.meeting, current: null, started_at: new Date(Date.now() - 99 * 60_000).toISOString() };
    table.room.items[0]!.state = 'discussed';
    await enter('member');
    expect(text()).not.toContain(LONG);
  });
});

describe('called in', () => {
  test('the one who is needed soon is told, calmly and aloud', async () => {
    await enter('member');
    table.change(table.item(itemId(3)), { called: [personId(2), personId(4)] }, 'agenda.called_in', null, false);
    await see(() => text().includes('Soon: 3. A.B. 1953. Stay in the room.'));
    expect(announced()).toBe('Soon: 3. A.B. 1953. Stay in the room.');
    expect(find(`[data-row="${itemId(3)}"]`)!.textContent).toContain('called in: dr. Inge Claes, dr. P. Persoon 2');
    table.change(table.item(itemId(3)), { state: 'open' }, 'agenda.item_opened');
    await see(() => !text().includes('Soon:'));
  });

  test('others see the mark only', async () => {
    table.room.items[2]!.called = [personId(2)];
    await enter();
    expect([text().includes('Soon:'), text().includes('called in: dr. P. Persoon 2')]).toEqual([false, true]);
  });
});

describe('the order', () => {
  /** jsdom lays nothing out: the row under the pointer is told. */
  async function drag(from: number, over: string, y: number): Promise<void> {
    const row = find(`[data-row="${itemId(from)}"]`)!;
    const target = find(`[data-drop="${over}"]`) ?? find('.agenda')!;
    document.elementFromPoint = () => find(`[data-drop="${over}"]`) ?? target;
    const at = (type: string, clientY: number) => new PointerEvent(type, { bubbles: true, cancelable: true, button: 0, isPrimary: true, pointerType: 'mouse', clientX: 0, clientY });
    row.dispatchEvent(at('pointerdown', 0));
    window.dispatchEvent(at('pointermove', y));
    await tick();
    window.dispatchEvent(at('pointermove', y));
    window.dispatchEvent(at('pointerup', y));
    row.click();
  }

  test.each([
    [2, 4, 10, [1, 3, 4, 2, 5]],
    [5, 2, -10, [1, 5, 2, 3, 4]],
    [3, 5, 10, [1, 2, 4, 5, 3]],
  ])('row %i dragged to row %i', async (from, over, y, expected) => {
    await enter();
    await drag(from, itemId(over), y);
    await see(() => String(rows()) === String(expected));
    // The click that ends a drag opens nothing.
    expect([page().store.viewed, did()]).toEqual([itemId(1), ['agenda.move_item']]);
  });

  test('a row is dragged among the parked ones, and back', async () => {
    await enter();
    await drag(2, 'parked', 10);
    await see(() => String(rows()) === '1,3,4,5,2');
    expect(table.item(itemId(2)).parked).toBe(true);
    await drag(2, itemId(4), 10);
    await see(() => !table.item(itemId(2)).parked);
  });

  test('what is open or done stays where it is, and a press without a drag is a click', async () => {
    await enter();
    await drag(1, itemId(4), 10);
    await drag(3, itemId(4), 2);
    await see(() => page().store.viewed === itemId(3));
    expect(did()).toEqual([]);
  });

  test('a parked item is Next only after all others', async () => {
    table.room.items[1]!.parked = true;
    table.room.items[0]!.decision = { id: 'd', state: 'recorded', version: 1 };
    await enter();
    expect(page().store.next?.id).toBe(itemId(3));
    press('n');
    await see(() => table.room.meeting.current === itemId(3));
  });

  test('postponing names a later sitting', async () => {
    await enter();
    press('p');
    await dialogIs('Postpone 1. A.B. 1951');
    const select = find<HTMLSelectElement>('dialog select')!;
    expect([...select.options].map((option) => option.textContent)).toEqual(['No date yet: on the waiting list', 'Wed, Dec 2 14:00']);
    fill(select, table.room.sittings[0]!.id);
    find<HTMLInputElement>('dialog input[value="no_quorum"]')!.click();
    submit();
    await see(() => table.heard.length === 1);
    expect(table.heard[0]!.args).toMatchObject({ to_meeting: table.room.sittings[0]!.id, reason: 'no_quorum' });
  });

  test('a dialog that is opened before the answer to the one before comes, stays', async () => {
    let answer = () => {};
    table.mayPass = (frame, seat) => {
      if (frame.t !== 'ack' || table.heard.at(-1)?.do !== 'agenda.postpone') return true;
      answer = () => seat.socket.send(JSON.stringify(frame));
      return false;
    };
    await enter();
    press('p');
    await dialogIs('Postpone 1. A.B. 1951');
    find<HTMLInputElement>('dialog input[value="no_quorum"]')!.click();
    submit();
    await noDialog();
    press('c');
    await dialogIs('Close the meeting');
    expect(page().store.pending.has('agenda.postpone')).toBe(true);
    answer();
    await see(() => !page().store.pending.has('agenda.postpone'));
    await tick();
    expect(find('dialog')?.textContent).toContain('Close the meeting');
  });
});

describe('protocol cases', () => {
  test('closing asks what becomes of them: recorded, or postponed for a reason that is not a lack of time', async () => {
    table.room.items[0]!.decision = { id: 'd', state: 'recorded', version: 1 };
    table.room.items[3]!.protocol = 'DCIS laag risico';
    await enter();
    press('c');
    await dialogIs('1 case under a protocol is not recorded. What becomes of it?');
    expect(find('dialog')!.textContent).toContain('4. A.B. 1954 DCIS laag risico');
    expect(find<HTMLInputElement>('dialog [value=record]')!.checked).toBe(true);
    find<HTMLInputElement>('dialog [value=postpone]')!.click();
    await see(() => find('dialog select'));
    expect([...find<HTMLSelectElement>('dialog select')!.options].map((each) => each.value)).not.toContain('out_of_time');
    submit();
    await see(() => find('dialog')?.textContent?.includes('Choose a reason.'));
    fill(find<HTMLSelectElement>('dialog select')!, 'imaging_missing');
    submit();
    await noDialog();
    expect(table.heard.at(-1)).toMatchObject({ do: 'meeting.close', args: { covered: 'imaging_missing' } });
  });

  test('are marked with M and recorded in one gesture with G', async () => {
    table.room.items[3]!.protocol = 'DCIS laag risico';
    await enter();
    press('j');
    await see(() => document.activeElement?.getAttribute('data-row') === itemId(2));
    press('m');
    await dialogIs('Protocol for 2. A.B. 1952');
    fill(find('dialog input[type=text]')!, '  Borst cT1 ');
    submit();
    await noDialog();
    await see(() => text().includes('Protocol: Borst cT1'));
    press('g');
    await dialogIs('without discussion');
    expect(find('dialog .cases')!.textContent?.replace(/\s+/g, ' ')).toContain('4. A.B. 1954');
    find<HTMLInputElement>('dialog .cases input')!.click();
    await see(() => button('Record 1 protocol case'));
    submit();
    await noDialog();
    expect(table.heard.at(-1)!.args).toEqual({ items: [itemId(4)] });
    await see(() => table.item(itemId(4)).decision);
  });
});

describe('handing over', () => {
  test('the chair goes to a deputy and comes back; the header says who chairs', async () => {
    await enter();
    expect(find('header')!.textContent).toContain('Chair: dr. P. Persoon 1');
    press('h');
    await dialogIs('Hand over');
    fill(find<HTMLSelectElement>('dialog select')!, personId(2));
    await see(() => find('[data-hand=chair]'));
    find('[data-hand=chair]')!.click();
    await noDialog();
    await see(() => find('header')?.textContent?.includes('Chair: dr. P. Persoon 2'));
    find(`[data-hand-to="${personId(2)}"]`)!.click();
    await dialogIs('Hand over');
    expect(find('[data-hand=chair]')).toBeNull();
    find('[data-hand=back]')!.click();
    await see(() => find('header')?.textContent?.includes('Chair: dr. P. Persoon 1'));
  });

  test('a secretary records, a member presents', async () => {
    await enter();
    find(`[data-hand-to="${personId(3)}"]`)!.click();
    await dialogIs('Hand over');
    expect(find('[data-hand=chair]')).toBeNull();
    find('[data-hand=record]')!.click();
    await noDialog();
    find(`[data-hand-to="${personId(2)}"]`)!.click();
    await dialogIs('Hand over');
    expect(find('[data-hand=record]')).toBeNull();
    find('[data-hand=present]')!.click();
    await noDialog();
    page().store.peopleOpen = true;
    await see(() => text().includes('presents'));
    expect([text().includes('records'), table.room.meeting.presenter]).toEqual([true, personId(2)]);
  });

  test('a member hands nothing over', async () => {
    await enter('member');
    press('h');
    expect([find('[data-hand-to]'), find('dialog')]).toEqual([null, null]);
  });
});

describe('people behind one screen', () => {
  test('are added by name and discipline; somebody of the board is known', async () => {
    await enter();
    page().store.peopleOpen = true;
    await see(() => find('[data-beside]'));
    find('[data-beside]')!.click();
    await see(() => find('#room-people form'));
    const form = find<HTMLFormElement>('#room-people form')!;
    form.requestSubmit();
    await see(() => form.textContent?.includes('Give the name and the discipline.'));
    expect([...form.querySelectorAll('datalist option')].map((option) => (option as HTMLOptionElement).value)).toEqual(['dr. Inge Claes']);
    fill(form.querySelector('input')!, 'dr. Inge Claes');
    await see(() => form.querySelector('select')!.value === 'pathology');
    form.requestSubmit();
    await see(() => text().includes('beside dr. P. Persoon 1'));
    expect(table.heard[0]!.args).toEqual({ name: 'dr. Inge Claes', discipline: 'pathology', person: personId(4) });
    find('[aria-label="dr. Inge Claes no longer sits here"]')!.click();
    await see(() => !text().includes('beside dr. P. Persoon 1'));
  });
});

describe('chat', () => {
  const said = (n: number, kind: 'chat' | 'late' = 'chat') => ({ id: `r${n}`, kind, by: personId(2), name: 'dr. P. Persoon 2', organisation: 'ASO', at: '2026-11-25T13:10:00Z', text: `Word ${n}.` });

  test('is read where it is looked at, marked where it is not', async () => {
    table.remark(itemId(1), said(1));
    await enter();
    expect(find('.unread')).toBeNull();
    table.remark(itemId(2), said(2));
    await see(() => find(`[data-row="${itemId(2)}"] .unread`));
    press('t');
    await see(() => text().includes('Word 1.'));
    await see(() => document.activeElement === find('[data-talk-box]'));
    expect(text()).toContain('Chat is kept and becomes part of the file.');
    press('Escape');
    page().store.lookAt(itemId(2));
    await see(() => text().includes('Word 2.'));
    await see(() => !find('.unread'));
    expect(text()).not.toContain('Word 1.');
    table.remark(itemId(2), said(3, 'late'));
    await see(() => text().includes('Late remarks'));
  });

  test('what is typed stays with its item until it is sent', async () => {
    await enter();
    press('t');
    await see(() => document.activeElement === find('[data-talk-box]'));
    fill(find<HTMLTextAreaElement>('[data-talk-box]')!, 'For the first.');
    expect(page().store.hasUnsaved).toBe(true);
    press('Escape');
    page().store.lookAt(itemId(2));
    await see(() => find<HTMLTextAreaElement>('[data-talk-box]')?.value === '');
    page().store.follow();
    await see(() => page().store.viewed === itemId(1));
    await see(() => find<HTMLTextAreaElement>('[data-talk-box]')?.value === 'For the first.');
    find('[data-talk-box]')!.focus();
    press('Enter', { shiftKey: true });
    expect(did()).toEqual([]);
    press('Enter');
    await see(() => find('.said')?.textContent?.includes('For the first.'));
    expect([table.heard[0]!.args, find<HTMLTextAreaElement>('[data-talk-box]')!.value, page().store.hasUnsaved]).toEqual([{ item: itemId(1), text: 'For the first.' }, '', false]);
  });
});

describe('guests', () => {
  test('are seen and sent away by those who run the meeting', async () => {
    table.room.guests = [
      { id: 'g1', item: itemId(3), name: 'dr. Huisarts', state: 'waiting' },
      { id: 'g2', item: itemId(4), name: 'mevr. Dochter', state: 'invited' },
    ];
    await enter();
    expect(find('.people-head')!.textContent).toContain('1 in the lobby');
    page().store.peopleOpen = true;
    await see(() => find('.guests'));
    expect(find('.guests')!.textContent?.replace(/\s+/g, ' ')).toContain('dr. Huisarts in the lobby · 3. A.B. 1953');
    expect(find('[aria-label="Send mevr. Dochter away"]')).toBeNull();
    find('[aria-label="Send dr. Huisarts away"]')!.click();
    await see(() => find('.guests')?.textContent?.includes('sent away'));
  });
});

test('the whole list of keys stands behind ?', async () => {
  await enter();
  press('?');
  await dialogIs('Keys');
  for (const line of ['Read back, record', 'Change the wording', 'Park the selected item', 'Undo the last step', 'Hand over the chair', 'Record the protocol cases', 'Go to the chat']) expect(text()).toContain(line);
});

test('the quorums stand with their reasons', async () => {
  table.room.quorum = { met: false, have: 3, need: 4, reasons: ['Radiotherapy is missing.'], billing: { met: false, have: 2, need: 4, reasons: ['Two physicians of other specialties are missing.'] } };
  table.room.organisations[organisationId(1)]!.short = 'ZB';
  await enter();
  for (const words of ['Quorum 3 of 4', 'Radiotherapy is missing.', 'To bill: 2 / 4', 'Two physicians of other specialties are missing.']) expect(text()).toContain(words);
});
