/** The whole page against the small server: what a person presses and what they then see. */
import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import RoomApp from './components/RoomApp.svelte';
import { aRoom, anItem, CHAIR, itemId, MEETING, MEMBER, organisationId } from './fixtures.testing';
import { RoomStore } from './room.svelte';
import { openSocket, Table } from './table.testing';

let table: Table;
let store: RoomStore;
let app: ReturnType<typeof mount> | undefined;
let port: number;

const see = (condition: () => unknown) => vi.waitFor(() => expect(condition()).toBeTruthy(), { timeout: 10_000, interval: 10 });
const text = () => document.body.textContent?.replace(/\s+/g, ' ') ?? '';
const find = <E extends HTMLElement>(selector: string) => document.querySelector<E>(selector);
const row = (n: number) => find(`[data-row="${itemId(n)}"]`);
const dialogIs = (title: string) => see(() => find('dialog')?.textContent?.includes(title));

function press(key: string, change: KeyboardEventInit = {}): void {
  (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...change }));
}

function type(words: string): void {
  const field = find<HTMLTextAreaElement>('[data-text=recommendation]')!;
  field.value += words;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

async function enter(who = 'chair'): Promise<void> {
  store = new RoomStore(MEETING, `ws://127.0.0.1:${port}/ws/meetings/${MEETING}/${who}/`, { open: openSocket, random: Math.random });
  app = mount(RoomApp, { target: document.body, props: { store } });
  store.start();
  await see(() => store.link.state === 'connected');
}

beforeEach(async () => {
  // jsdom has no modal dialogs; everything else of the page is real.
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  table = new Table();
  table.people = { chair: CHAIR, member: MEMBER, guest: { ...MEMBER, guest: true, can: [] } };
  table.extra = (request, response) => {
    const stage = /\/items\/([^/]+)\/stage\/(\?|$)/.exec(request.url ?? '');
    if (stage) response.end(`<div class="identity">patient of ${stage[1]}</div><a href="/documents/1/">report</a>`);
    return stage !== null;
  };
  port = await table.listen();
  const real = globalThis.fetch;
  vi.stubGlobal('fetch', (path: string, options: RequestInit) => real(new URL(path, `http://127.0.0.1:${port}`), options));
});

afterEach(async () => {
  if (app) await unmount(app);
  app = undefined;
  store.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  await table.close();
  document.body.replaceChildren();
});

/** Begin, and put the first item on the table. */
async function atFirst(): Promise<void> {
  await enter();
  press('s');
  await see(() => store.running);
  press('n');
  await see(() => text().includes(`patient of ${itemId(1)}`));
  await see(() => store.draft?.loaded);
}

describe('a whole meeting by keyboard', () => {
  test('start, open, write, record, next, postpone, add, close', async () => {
    await atFirst();
    expect(row(1)?.getAttribute('aria-current')).toBe('step');

    press('e');
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    type('Surgery first.');
    press('s', { ctrlKey: true });
    await see(() => table.texts.of(itemId(1)).plain === 'Surgery first.');
    await see(() => text().includes('Saved'));
    press('Escape');
    expect(document.activeElement).toBe(document.body);

    press('n');
    await dialogIs('has no recorded recommendation');
    store.dialog = null;
    await see(() => !find('dialog'));

    const opened = Date.now();
    const clock = vi.spyOn(Date, 'now').mockReturnValue(opened);
    press('r');
    await dialogIs('Surgery first.');
    await see(() => find('dialog .button-primary')?.getAttribute('aria-disabled') === 'false');
    find('dialog [data-first]')!.focus();
    press('Enter');
    expect(table.heard.filter((command) => command.do === 'decision.record')).toEqual([]);
    clock.mockReturnValue(opened + 1_000);
    press('Enter');
    await see(() => table.item(itemId(1)).decision !== null);
    await see(() => !find('dialog'));
    clock.mockRestore();

    press('n');
    await see(() => text().includes(`patient of ${itemId(2)}`));
    expect(text()).not.toContain(`patient of ${itemId(1)}`);

    press('p');
    await dialogIs('Postpone 2. A.B. 1952');
    find<HTMLInputElement>('dialog input[value="pathology_missing"]')!.click();
    find<HTMLFormElement>('dialog form')!.requestSubmit();
    await see(() => table.item(itemId(2)).postponed_reason === 'pathology_missing');
    await see(() => !find('dialog'));
    expect(row(2)?.textContent).toContain('Anatomopathologisch verslag ontbreekt');

    press('l');
    await dialogIs('Add to the agenda');
    const candidate = find<HTMLSelectElement>('dialog select')!;
    candidate.value = table.room.candidates[0]!.referral;
    candidate.dispatchEvent(new Event('change', { bubbles: true }));
    find<HTMLFormElement>('dialog form')!.requestSubmit();
    await see(() => text().includes('L.W. 1958'));
    await see(() => !find('dialog'));

    press('c');
    await dialogIs('4 items have not been dealt with');
    find<HTMLFormElement>('dialog form')!.requestSubmit();
    await see(() => table.room.meeting.state === 'closed');
    await see(() => text().includes('The meeting is closed.'));
  });

  test('the order: a held arrow ends where it points', async () => {
    await enter();
    press('j');
    await see(() => document.activeElement === row(2));
    press('ArrowDown', { altKey: true });
    press('ArrowDown', { altKey: true });
    await see(() => table.room.items.findIndex((item) => item.id === itemId(2)) === 3);
    expect(table.heard.map((command) => command.args['to'])).toEqual([3, 4]);
  });

  test('the agenda is filtered and left', async () => {
    await enter();
    press('/');
    await see(() => document.activeElement === find('[data-agenda-filter]'));
    const filter = find<HTMLInputElement>('[data-agenda-filter]')!;
    filter.value = '1953';
    filter.dispatchEvent(new Event('input', { bubbles: true }));
    await see(() => document.querySelectorAll('[data-row]').length === 1);
    press('Escape');
    await see(() => document.querySelectorAll('[data-row]').length === 5);
  });

  test('the list of keys names what this person can do, and switches single keys off', async () => {
    await enter('member');
    press('?');
    await dialogIs('Keys');
    expect([text().includes('Write the recommendation'), text().includes('Postpone')]).toEqual([true, false]);
    find<HTMLInputElement>('dialog input[type=checkbox]')!.click();
    expect(localStorage.getItem('mdo-single-keys')).toBe('off');
    store.switchKeys(true);
  });
});

describe('keys that were meant for a text', () => {
  test('are swallowed while the text is on its way', async () => {
    await atFirst();
    press('e');
    for (const key of 'xtrarn ') press(key);
    expect(table.heard.map((command) => command.do)).toEqual(['meeting.start', 'agenda.next']);
    expect(find('dialog')).toBeNull();
  });

  test('and stand in it when it comes', async () => {
    await atFirst();
    press('e');
    for (const key of ['S', 'u', 'r', 'x', 'Backspace', 'g', '.']) press(key);
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    await see(() => find<HTMLTextAreaElement>('[data-text=recommendation]')?.value === 'Surg.');
    await see(() => table.texts.of(itemId(1)).plain === 'Surg.');
    expect(table.heard.map((command) => command.do)).toEqual(['meeting.start', 'agenda.next']);
  });

  test('are swallowed after the field vanished under the hands', async () => {
    await atFirst();
    press('e');
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    press('o');
    table.change(table.item(itemId(1)), { decision: { id: 'd', state: 'recorded', version: 1 } }, 'decision.recorded');
    await see(() => !find('[data-text=recommendation]'));
    const heard = table.heard.length;
    press('p');
    press('n');
    expect([find('dialog'), table.heard.length]).toEqual([null, heard]);
  });
});

describe('looking', () => {
  test('away and back with one key', async () => {
    await atFirst();
    press('j');
    await see(() => document.activeElement === row(2));
    press('Enter');
    await see(() => text().includes(`patient of ${itemId(2)}`));
    expect(text()).toContain('You are looking at item 2. The table is at item 1.');
    press('f');
    await see(() => text().includes(`patient of ${itemId(1)}`));
    expect(text()).not.toContain('You are looking at');
  });

  test('whoever writes stays where they are when the table goes on', async () => {
    await atFirst();
    press('e');
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    table.room.meeting = { ...table.room.meeting, current: itemId(2) };
    table.happen('agenda.item_opened', { meeting: table.room.meeting, items: [anItem(2, { state: 'open', opened_at: new Date().toISOString() })] });
    await see(() => text().includes('You are still writing on item 1. The table is at item 2.'));
    expect(store.viewed).toBe(itemId(1));
    press('Escape');
    press('f');
    await see(() => store.viewed === itemId(2));
  });

  test('what lies on the table opens beside the room', async () => {
    await atFirst();
    await see(() => find<HTMLAnchorElement>('a[href="/documents/1/"]')?.target === '_blank');
  });

  test('it is fetched again when the case behind it changes', async () => {
    let fetched = 0;
    const stage = table.extra;
    table.extra = (request, response) => {
      if (request.url?.includes('/stage/')) fetched += 1;
      return stage(request, response);
    };
    await atFirst();
    table.change(table.item(itemId(1)), { content: 9 }, 'case.changed', null, false);
    await see(() => fetched === 2);
  });
});

describe('typed together', () => {
  const member = () => new RoomStore(MEETING, `ws://127.0.0.1:${port}/ws/meetings/${MEETING}/member/`, { open: openSocket, random: Math.random });

  test('words, name and place of another are seen, and one’s own are told', async () => {
    await atFirst();
    const other = member();
    other.start();
    await see(() => other.room);
    other.follow();
    await see(() => other.text('recommendation')?.writable);
    press('e');
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    type('Surgery');
    await see(() => other.text('recommendation')?.plain === 'Surgery');
    await see(() => other.text('recommendation')!.session.carets.shown().map(({ name, head }) => `${name} ${head}`).join() === 'dr. P. Persoon 1 7');
    const field = find('[data-text=recommendation]');
    other.text('recommendation')!.session.type(0, 0, 'Later: ');
    other.text('recommendation')!.session.carets.place({ anchor: 0, head: 5 });
    await see(() => find<HTMLTextAreaElement>('[data-text=recommendation]')!.value === 'Later: Surgery');
    await see(() => document.querySelectorAll('.others')[1]?.textContent?.includes('dr. P. Persoon 2'));
    expect([...document.querySelectorAll('.mirror .chosen')].map((part) => part.textContent)).toEqual(['Later']);
    // The field is the same one, the caret is behind the own words.
    expect([find('[data-text=recommendation]') === field, find<HTMLTextAreaElement>('[data-text=recommendation]')!.selectionStart]).toEqual([true, 14]);
    other.stop();
  });

  test('the field keeps the focus when the structured part comes after the text', async () => {
    const real = globalThis.fetch;
    let come = () => {};
    const held = new Promise<void>((resolve) => (come = resolve));
    vi.stubGlobal('fetch', async (path: string, options: RequestInit) => {
      if (path.includes('/draft/')) await held;
      return real(path, options);
    });
    await enter();
    press('s');
    await see(() => store.running);
    press('n');
    await see(() => store.item);
    press('e');
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    expect(find('[data-add]')).toBeNull();
    come();
    await see(() => find('[data-add]'));
    expect(document.activeElement).toBe(find('[data-text=recommendation]'));
  });

  test('the discussion is a text of its own, and stays to be read', async () => {
    await atFirst();
    await see(() => find('[data-text=discussion]'));
    const field = find<HTMLTextAreaElement>('[data-text=discussion]')!;
    field.focus();
    field.value = 'She wants to wait.';
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await see(() => table.texts.of(itemId(1), 'discussion').plain === 'She wants to wait.');
    expect([table.texts.of(itemId(1)).plain, store.textSeen(itemId(1))]).toEqual(['', 0]);
    table.change(table.item(itemId(1)), { decision: { id: 'd', state: 'recorded', version: 1 } }, 'decision.recorded');
    await see(() => !find('[data-text=discussion]'));
    expect(text()).toContain('She wants to wait.');
  });

  test('what is read back rests, and is written again when it is taken back', async () => {
    await atFirst();
    table.texts.type(itemId(1), 'Surgery first.');
    await see(() => text().includes('Surgery first.'));
    expect(store.textSeen(itemId(1))).toBe(1);
    const readBack = { at: new Date().toISOString(), by: CHAIR.person, by_name: CHAIR.name, round: 1, voices: [], missing: [] };
    table.change(table.item(itemId(1)), { read_back: readBack }, 'readback.begun');
    await see(() => !find('[data-text=recommendation]'));
    expect(find('[data-text=discussion]')).not.toBeNull();
    table.change(table.item(itemId(1)), { read_back: null }, 'readback.withdrawn');
    await see(() => find<HTMLTextAreaElement>('[data-text=recommendation]')?.value === 'Surgery first.');
  });

  test('words that came too late for a read-back are kept, and put back when it is written again', async () => {
    await atFirst();
    press('e');
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    type('Surgery first.');
    await see(() => table.texts.of(itemId(1)).plain === 'Surgery first.');
    table.texts.silent = true;
    type(' Or not.');
    const readBack = { at: new Date().toISOString(), by: CHAIR.person, by_name: CHAIR.name, round: 1, voices: [], missing: [] };
    table.change(table.item(itemId(1)), { read_back: readBack }, 'readback.begun');
    table.texts.silent = false;
    await see(() => text().includes('Your last words came when the text was being read back already.'));
    expect([text().includes('Or not.'), store.hasUnsaved, text().includes('Add as late remark')]).toEqual([true, true, false]);
    table.change(table.item(itemId(1)), { read_back: null }, 'readback.withdrawn');
    const button = () => [...document.querySelectorAll('button')].find((each) => each.textContent === 'Put them back into the text');
    await see(button);
    expect(table.texts.of(itemId(1)).plain).toBe('Surgery first.');
    button()!.click();
    await see(() => table.texts.of(itemId(1)).plain === 'Surgery first.\nOr not.');
    await see(() => !store.hasUnsaved);
  });

  test('what the server will not take is said in its words, and the text says that it is not saved', async () => {
    await atFirst();
    press('e');
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    table.texts.type(itemId(1), 'x'.repeat(15_000));
    await see(() => find<HTMLTextAreaElement>('[data-text=recommendation]')!.value.length === 15_000);
    // Somebody else's paste is on its way while this one is made.
    table.mayPass = (frame) => (frame as { t: string }).t !== 'text.update';
    table.texts.type(itemId(1), 'y'.repeat(4_000));
    type('z'.repeat(3_000));
    await see(() => text().includes('refused: too_long'));
    expect([store.saving, text().includes('Not saved')]).toEqual(['unsaved', true]);
  });

  test('all that was typed is stored before anything is done with it', async () => {
    await atFirst();
    press('e');
    await see(() => document.activeElement === find('[data-text=recommendation]'));
    type('Surgery.');
    expect(store.saving).toBe('saving');
    expect(await store.flushText(itemId(1))).toBe(true);
    expect([table.texts.of(itemId(1)).plain, store.saving, store.textSeen(itemId(1))]).toEqual(['Surgery.', 'saved', 1]);
  });
});

describe('nothing typed is lost', () => {
  test('on a cut line: kept, said, saved when it is back', async () => {
    await atFirst();
    press('e');
    await see(() => find('[data-text=recommendation]'));
    table.refuseWith = 1011;
    table.cut();
    await see(() => text().includes('The connection is gone'));
    type('Typed on a dead line.');
    await see(() => text().includes('Not saved'));
    expect(store.hasUnsaved).toBe(true);
    table.refuseWith = null;
    await see(() => table.texts.of(itemId(1)).plain === 'Typed on a dead line.');
    await see(() => !store.hasUnsaved);
  });

  test('when the item is recorded meanwhile: kept beside it, offered to copy, never in the next item', async () => {
    await atFirst();
    press('e');
    await see(() => find('[data-text=recommendation]'));
    table.refuseWith = 1011;
    table.cut();
    await see(() => store.link.state === 'reconnecting');
    type('Too late.');
    table.change(table.item(itemId(1)), { decision: { id: 'd', state: 'signed', version: 1 }, draft: { version: 0 } }, 'decision.recorded');
    table.refuseWith = null;
    await see(() => text().includes('This item was recorded before your last words were saved.'));
    expect(text()).toContain('Too late.');
    table.room.meeting = { ...table.room.meeting, current: itemId(2) };
    table.happen('agenda.item_opened', { meeting: table.room.meeting, items: [anItem(2, { state: 'open', opened_at: new Date().toISOString() })] });
    await see(() => text().includes('You are still writing on item 1'));
    press('f');
    await see(() => text().includes('Words of yours on item 1, A.B. 1951, are not saved.'));
    expect(table.texts.of(itemId(2)).plain).toBe('');
    store.lookAt(itemId(1));
    await see(() => text().includes('Add as late remark'));
    [...document.querySelectorAll('button')].find((button) => button.textContent === 'Add as late remark')!.click();
    await see(() => !store.hasUnsaved);
    expect(table.heard.filter((command) => command.do === 'remark.late').map((command) => command.args)).toEqual([{ item: itemId(1), text: 'Too late.' }]);
  });

  test('when the room is opened elsewhere: the words stand there to be copied', async () => {
    await atFirst();
    press('e');
    await see(() => find('[data-text=recommendation]'));
    type('Still mine.');
    table.refuseWith = 4409;
    for (const { socket } of [...table.seats]) socket.close(4409);
    await see(() => text().includes('The room is open in another tab.'));
    expect([text().includes('Still mine.'), text().includes('patient of')]).toEqual([true, false]);
    table.refuseWith = null;
    [...document.querySelectorAll('button')].find((button) => button.textContent === 'Use it here')!.click();
    await see(() => table.texts.of(itemId(1)).plain === 'Still mine.');
  });
});

describe('refusals and endings', () => {
  test('a refusal is told in the server’s words', async () => {
    await atFirst();
    store.dialog = null;
    await store.run('agenda.open_item', { item: itemId(3), version: 99 });
    await see(() => find('[role=alert].toasts')?.textContent?.includes('This changed meanwhile.'));
  });

  test('ended access empties the page', async () => {
    await atFirst();
    table.refuseWith = 4403;
    for (const { socket } of [...table.seats]) socket.close(4403);
    await see(() => text().includes('You have no access to this meeting.'));
    expect([text().includes('patient of'), text().includes('A.B.'), store.state]).toEqual([false, false, null]);
  });

  test('a member sees no chair’s buttons, and their keys do nothing', async () => {
    table.room.meeting = { ...table.room.meeting, state: 'running' };
    await enter('member');
    expect([...document.querySelectorAll('[data-action]')]).toEqual([]);
    for (const key of ['n', 'o', 'p', 'r', 'l', 's', 'c']) press(key);
    expect([table.heard, find('dialog')]).toEqual([[], null]);
  });

  test('rights that change are followed at once', async () => {
    await enter();
    table.happen('role.changed', { you: { ...CHAIR, can: [] } });
    await see(() => document.querySelectorAll('[data-action]').length === 0);
  });
});

describe('a guest', () => {
  const lobby = () => aRoom({ items: [], people: [], organisations: {}, forecast: null, quorum: null, reasons: {}, steps: {}, intents: {}, candidates: [], meeting: { ...aRoom().meeting, state: 'running' } });

  test('waits in a lobby that shows nothing, comes in for the own item, is let out', async () => {
    table.room = lobby();
    table.seq = 0;
    await enter('guest');
    await see(() => text().includes('You are in the lobby'));
    const show = (room: ReturnType<typeof lobby>) => table.give(table.seats[0]!, { t: 'snapshot', seq: 0, now: new Date().toISOString(), you: { ...MEMBER, guest: true, can: [] }, room });
    show({ ...lobby(), items: [anItem(4, { state: 'open', position: 1 })], organisations: { [organisationId(1)]: aRoom().organisations[organisationId(1)]! }, meeting: { ...lobby().meeting, current: itemId(4) } });
    await see(() => text().includes(`patient of ${itemId(4)}`));
    show(lobby());
    await see(() => !text().includes('patient of'));
    await see(() => text().includes('You are in the lobby'));
    show({ ...lobby(), slot: 'out' });
    await see(() => text().includes('Your part of the meeting is over.'));
  });
});

describe('people', () => {
  test('stand by hospital, with who is here and how', async () => {
    table.room.people = [
      { ...table.room.people[0]!, present: true, means: 'room' },
      { ...table.room.people[1]!, present: false, means: null },
    ];
    await enter();
    store.peopleOpen = true;
    await see(() => text().includes('1 of 1 present'));
    expect(text()).toContain('0 of 1 present');
    expect(text()).toContain('in the room');
  });
});

test('the pages of the room are asked for in the name of the organisation that one sits there for', async () => {
  const asked: string[] = [];
  const stage = table.extra;
  table.extra = (request, response) => {
    asked.push(request.url!);
    return stage(request, response);
  };
  table.room = aRoom({ items: [anItem(1, { state: 'open' })], meeting: { ...aRoom().meeting, state: 'running', current: itemId(1) } });
  store = new RoomStore(MEETING, `ws://127.0.0.1:${port}/ws/meetings/${MEETING}/chair/?for=${organisationId(1)}`, { open: openSocket, random: Math.random }, { organisation: organisationId(1), wayOut: '/meetings/' });
  app = mount(RoomApp, { target: document.body, props: { store } });
  store.start();
  await see(() => asked.length === 1);
  expect(asked).toEqual([`/meetings/${MEETING}/items/${itemId(1)}/stage/?for=${organisationId(1)}`]);
  expect(table.queries).toEqual([`?for=${organisationId(1)}`]);
  await see(() => find<HTMLAnchorElement>('a.leave')?.getAttribute('href') === '/meetings/');
});

test('screen readers hear what comes onto the table', async () => {
  await atFirst();
  await see(() => find('[aria-live=polite]:not(.lobby)')?.textContent === 'Item 1, A.B. 1951, is on the table.');
});

test('an item that one may not write cannot be gone into', async () => {
  table.draft(itemId(1)).editable = false;
  table.texts.editable = () => false;
  await atFirst();
  await see(() => store.draft?.writable === false);
  expect(find('[data-text=recommendation]')).toBeNull();
  press('e');
  expect(table.heard.map((command) => command.do)).toEqual(['meeting.start', 'agenda.next']);
});

test('words on an item that was taken off the agenda stay on the page', async () => {
  await atFirst();
  press('e');
  await see(() => find('[data-text=recommendation]'));
  table.texts.editable = () => false;
  type('For nobody?');
  table.room.items = table.room.items.filter((item) => item.id !== itemId(1));
  table.room.meeting = { ...table.room.meeting, current: null };
  table.happen('agenda.item_removed', { removed: [itemId(1)], meeting: table.room.meeting });
  await see(() => find('.notices')?.textContent?.includes('For nobody?'));
  expect(store.hasUnsaved).toBe(true);
});
