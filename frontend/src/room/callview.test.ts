/** The call as it is seen and pressed in the room, with devices and a network that do as they are told. */
import { mount, tick, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CallRoom, Plugs, stubBrowser } from './call/callroom.testing';
import GuestView from './components/GuestView.svelte';
import RoomApp from './components/RoomApp.svelte';
import { anItem, itemId, MEMBER, personId } from './fixtures.testing';
import type { MeetingCall } from './protocol';
import type { RoomStore } from './room.svelte';
import { words } from './words';

let room: CallRoom;
let plugs: Plugs;
let stores: RoomStore[];
let app: ReturnType<typeof mount> | undefined;

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const find = <E extends HTMLElement>(selector: string) => document.querySelector<E>(selector);
const text = (element: Element | null) => element?.textContent?.replace(/\s+/g, ' ').trim() ?? '';
const button = (name: string) => find<HTMLButtonElement>(`[data-call=${name}]`)!;
const pressed = (name: string) => button(name)?.getAttribute('aria-pressed') === 'true';
const tiles = () => [...document.querySelectorAll('.tile')].map((tile) => text(tile.querySelector('.visually-hidden')));
const notes = () => text(find('.notes'));
const live = () => text(find('.room > [aria-live]'));

async function until(holds: () => unknown): Promise<void> {
  for (let waited = 0; waited <= 12_000; waited += 50) {
    await tick();
    if (holds()) return;
    await wait(50);
  }
  throw new Error(`not reached: ${holds}`);
}

async function enter(who: string): Promise<RoomStore> {
  const store = room.enter(who);
  stores.push(store);
  await until(() => store.link.state === 'connected');
  return store;
}

/** This one's page is looked at. */
async function look(who: string, view: typeof RoomApp | typeof GuestView = RoomApp): Promise<RoomStore> {
  const store = await enter(who);
  app = mount(view, { target: document.body, props: { store } });
  await tick();
  return store;
}

/** Others, who are in the call already. */
async function others(...names: string[]): Promise<RoomStore[]> {
  const came: RoomStore[] = [];
  for (const name of names) {
    const store = await enter(name);
    await store.call.join();
    await until(() => store.call.phase === 'in');
    came.push(store);
  }
  return came;
}

function key(type: 'keydown' | 'keyup', name: string, change: KeyboardEventInit = {}): boolean {
  return !(document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent(type, { key: name, bubbles: true, cancelable: true, ...change }));
}

/** Pressed by the mouse, which leaves the focus there. */
function click(element: HTMLElement): void {
  element.dispatchEvent(new MouseEvent('pointerdown', { bubbles: true, button: 0 }));
  element.focus();
  element.dispatchEvent(new MouseEvent('pointerup', { bubbles: true, button: 0 }));
  element.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, detail: 1 }));
}

async function goIn(store: RoomStore): Promise<void> {
  key('keydown', '0');
  await until(() => find('dialog [data-call=join]'));
  button('join').click();
  await until(() => store.call.phase === 'in');
  await tick();
}

function begin(call: Partial<MeetingCall> = {}): void {
  room = new CallRoom(call);
  const { userAgent } = navigator;
  // What is drawn here asks the browser for its name.
  const named = (value: unknown) => Object.defineProperty(value as object, 'userAgent', { value: userAgent });
  stubBrowser((name, value) => vi.stubGlobal(name, name === 'navigator' ? named(value) : value), room.network, plugs);
}

beforeEach(async () => {
  await import('./call/session');
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  vi.useFakeTimers({ now: new Date('2026-11-25T13:00:00Z') });
  stores = [];
  plugs = new Plugs();
  begin();
  localStorage.clear();
  vi.stubGlobal('fetch', (path: string) =>
    path.includes('/stage/') ? Promise.resolve(new Response('<div class="identity">A. Maes</div><div class="stage-body">the case</div>')) : Promise.reject(new TypeError('nothing there')),
  );
  vi.spyOn(HTMLMediaElement.prototype, 'play').mockResolvedValue(undefined);
  vi.spyOn(HTMLMediaElement.prototype, 'pause').mockImplementation(() => undefined);
});

afterEach(async () => {
  if (app) await unmount(app);
  app = undefined;
  for (const store of stores) store.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  document.body.replaceChildren();
});

describe('from the keyboard', () => {
  test('in, with devices chosen and oneself seen; switches; and out', async () => {
    const store = await look('a');
    expect(text(find('[data-call-phase]'))).toContain(words.callCount(0));
    key('keydown', '0');
    await until(() => find('dialog video'));
    const dialog = find('dialog')!;
    expect(text(dialog)).toContain(words.callNotRecorded());
    expect(dialog.querySelector('video')?.classList.contains('mirrored')).toBe(true);
    expect(dialog.querySelector('a')?.getAttribute('href')).toBe('/call-test/');
    expect([...dialog.querySelectorAll('select')].map((select) => text(select.previousElementSibling))).toEqual([words.callMicrophone(), words.callCamera()]);
    button('join').click();
    await until(() => store.call.phase === 'in');
    await tick();
    expect(find('dialog')).toBe(null);
    expect(tiles()).toEqual(['dr. P. Persoon 1 (you), Medische oncologie, AZ Zilverberk']);
    for (const [name, letter] of Object.entries({ mic: 'i', camera: 'x', hand: 'q', low: 'z' })) {
      const before = pressed(name);
      expect(key('keydown', letter)).toBe(true);
      await until(() => pressed(name) === !before);
      key('keydown', letter);
      await until(() => pressed(name) === before);
    }
    key('keydown', '0');
    await until(() => store.call.phase === 'out');
    expect(tiles()).toEqual([]);
  });

  test('held, the space bar talks; a button that was pressed with the mouse is not pressed by it', async () => {
    const store = await look('a');
    await goIn(store);
    key('keydown', 'i');
    await until(() => !store.call.mic);
    expect(key('keydown', ' ')).toBe(true);
    await until(() => store.call.mic && store.call.pushToTalk);
    expect(text(find('.all'))).toContain(words.callTalking());
    key('keydown', ' ', { repeat: true });
    key('keyup', ' ');
    await until(() => !store.call.mic);

    click(button('hand'));
    expect(store.call.hand).toBe(true);
    expect(key('keydown', ' ')).toBe(true);
    await until(() => store.call.mic);
    expect(key('keyup', ' ')).toBe(true);
    await until(() => !store.call.mic);
    // Come to by Tab, the bar presses the button, as everywhere.
    key('keydown', 'Tab');
    expect(key('keydown', ' ')).toBe(false);
    expect(store.call.mic).toBe(false);
  });

  test('whoever leaves the window with the key held is not heard any more', async () => {
    const store = await look('a');
    await goIn(store);
    key('keydown', 'i');
    key('keydown', ' ');
    await until(() => store.call.mic);
    window.dispatchEvent(new Event('blur'));
    await until(() => !store.call.mic);
  });

  test('without a call in the room the keys are left alone', async () => {
    begin({ way: 'none' });
    await look('a');
    expect(['0', 'i', 'x', 'q', 'z', ' '].map((name) => key('keydown', name))).toEqual([false, false, false, false, false, false]);
    expect(find('[data-call-phase]')).toBe(null);
  });

  test('outside of the call the space bar scrolls', async () => {
    await look('a');
    expect(key('keydown', ' ')).toBe(false);
  });
});

describe('together', () => {
  test('hands stand in their order, and the chair is told', async () => {
    const [b, c] = await others('b', 'c');
    const store = await look('a');
    await goIn(store);
    await until(() => tiles().length === 3);
    c!.call.toggleHand();
    await until(() => live().includes(words.callRaised('dr. P. Persoon 3')));
    await wait(1_000);
    b!.call.toggleHand();
    await until(() => tiles().filter((tile) => tile.includes(words.callHandNth(1)) || tile.includes(words.callHandNth(2))).length === 2);
    expect(text(find('.hands'))).toBe(words.callHands('dr. P. Persoon 3, dr. P. Persoon 2'));
  });

  test('who comes in is told to those who are in, and to nobody else', async () => {
    const store = await look('a');
    const [b] = await others('b');
    expect(live()).not.toContain(words.callJoined('dr. P. Persoon 2'));
    b!.call.leave();
    await goIn(store);
    await b!.call.join();
    await until(() => live().includes(words.callJoined('dr. P. Persoon 2')));
  });

  test('the chair switches all off, and says what that means; each switches their own on again', async () => {
    const store = await look('b');
    const [a] = await others('a');
    await goIn(store);
    expect(button('mute-all')).toBe(null);
    void a!.call.muteAll();
    await until(() => notes().includes(words.callMutedBy('dr. P. Persoon 1')));
    expect(pressed('mic')).toBe(false);
    find<HTMLButtonElement>('.note .button-small')!.click();
    await until(() => pressed('mic'));
    expect(notes()).toBe('');
  });

  test('what muting all means is said before and after', async () => {
    const store = await look('a');
    await goIn(store);
    const all = button('mute-all');
    expect(text(document.getElementById(all.getAttribute('aria-describedby')!))).toBe(words.callMuteAllLong());
    all.click();
    await until(() => text(find('.all [role=status]')) === words.callAllMuted());
    expect(store.call.mic).toBe(true);
  });

  test('a shared screen lies under the patient’s name, is put aside, and comes back when it is shared anew', async () => {
    const [b] = await others('b');
    const store = await look('a');
    room.happen({ items: [anItem(1, { state: 'open', opened_at: '2026-11-25T13:00:00Z' })] });
    await until(() => find('.identity'));
    await goIn(store);
    await b!.call.toggleScreen();
    await until(() => find('[data-shared-screen] video'));
    expect(text(find('[data-shared-screen]'))).toContain(words.callScreenOf('dr. P. Persoon 2'));
    expect(text(find('#room-stage .identity'))).toBe('A. Maes');
    expect(find('[data-shared-screen] video')?.classList.contains('whole')).toBe(true);
    [...document.querySelectorAll<HTMLButtonElement>('[data-shared-screen] button')].at(-1)!.click();
    await tick();
    expect(find('[data-shared-screen]')).toBe(null);
    expect(text(find('.stage'))).toContain(words.callShowScreen());
    await b!.call.toggleScreen();
    await until(() => !text(find('.stage')).includes(words.callShowScreen()));
    await b!.call.toggleScreen();
    await until(() => find('[data-shared-screen] video'));
  });

  test('one’s own screen is not put before one’s own eyes, and can be ended', async () => {
    const store = await look('a');
    await goIn(store);
    await store.call.toggleScreen();
    await until(() => notes().includes(words.callOwnScreen()));
    expect(find('[data-shared-screen]')).toBe(null);
    find<HTMLButtonElement>('.note .button-small')!.click();
    await until(() => !store.call.screen);
  });

  test('more than six from browser to browser: one line each, and what would serve better', async () => {
    const store = await look('a');
    const names = ['b', 'c', 'd', 'e', 'f', 'g'];
    for (const [at, name] of names.entries()) room.people[name] = { ...MEMBER, person: personId(Math.min(at + 2, 4)), can: ['call', 'speak'] };
    await others(...names);
    await goIn(store);
    await until(() => notes().includes(words.callSoundFirst()));
    await until(() => document.querySelectorAll('.tile.line').length === 7);
    expect(document.querySelectorAll('.tile video')).toHaveLength(0);
  });
});

describe('what goes wrong', () => {
  test('a camera that is refused is said in the preview, with a place to go on', async () => {
    plugs.faults.set('videoinput', 'NotAllowedError');
    plugs.faults.set('audioinput', 'NotAllowedError');
    const store = await look('a');
    key('keydown', '0');
    await until(() => text(find('dialog [role=alert]')) === words.callBothRefused());
    button('join').click();
    await until(() => store.call.phase === 'in');
    expect([pressed('mic'), pressed('camera')]).toEqual([false, false]);
  });

  test('a device that is pulled out is said, with the way to another one', async () => {
    const store = await look('a');
    await goIn(store);
    plugs.pull('cam1');
    await until(() => notes().includes(words.callCameraUnplugged()));
    find<HTMLButtonElement>('.note .button-small')!.click();
    await until(() => text(find('dialog h2')) === words.callDevices());
    expect(notes()).toBe('');
  });

  test('sound that the browser holds back has a button', async () => {
    const store = await look('a');
    await goIn(store);
    store.call.problem = { kind: 'blocked', device: 'loudspeaker', words: words.callBlocked() };
    await until(() => notes().includes(words.callHearNow()));
    find<HTMLButtonElement>('.note .button-small')!.click();
    await until(() => notes() === '');
  });

  test('a way that ends is said when nothing else of the call is there', async () => {
    const store = await look('a');
    await goIn(store);
    room.move({ way: 'none' });
    await until(() => notes().includes(words.callWayGone()));
    expect(button('open')).toBe(null);
  });
});

test('the hospital’s own system opens beside the room, by key too, and its number can be copied', async () => {
  begin({ way: 'own', link: 'https://call.example.org/borst', dial_in: '+32 2 555 01 01' });
  await look('a');
  const link = find<HTMLAnchorElement>('[data-call=link]')!;
  expect([link.href, link.target, link.rel]).toEqual(['https://call.example.org/borst', '_blank', 'noopener noreferrer']);
  const opened = vi.fn((event: Event) => event.preventDefault());
  link.addEventListener('click', opened);
  expect(key('keydown', '0')).toBe(true);
  expect(opened).toHaveBeenCalledTimes(1);
  expect(text(find('.dial-in b'))).toBe('+32 2 555 01 01');
});

describe('a guest', () => {
  beforeEach(() => {
    room.people['guest'] = { ...MEMBER, person: personId(4), name: 'dr. G. Gast', guest: true, can: ['call', 'speak'] };
  });

  test('is in the call at their item, by the same keys', async () => {
    const store = await look('guest', GuestView);
    expect(find('.lobby a')?.getAttribute('href')).toBe('/call-test/');
    expect(key('keydown', '0')).toBe(false);
    room.happen({ items: [anItem(1, { state: 'open', opened_at: '2026-11-25T13:00:00Z' })] });
    await until(() => store.open?.id === itemId(1));
    await goIn(store);
    expect(pressed('mic')).toBe(true);
    key('keydown', 'i');
    await until(() => !pressed('mic'));
    key('keydown', ' ');
    await until(() => pressed('mic'));
    key('keyup', ' ');
    await until(() => !pressed('mic'));
  });

  test('without a relay hears that there is none, and by which number', async () => {
    begin({ way: 'none', dial_in: '+32 2 555 01 01' });
    room.people['guest'] = { ...MEMBER, guest: true, can: ['call', 'speak'] };
    const store = await look('guest', GuestView);
    room.happen({ items: [anItem(1, { state: 'open', opened_at: '2026-11-25T13:00:00Z' })] });
    await until(() => store.open);
    await until(() => text(find('aside')).includes(words.callNoGuestMedia()));
    expect(text(find('.dial-in b'))).toBe('+32 2 555 01 01');
    expect(button('open')).toBe(null);
  });
});
