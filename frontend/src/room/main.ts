/** The live room: mounts on `<div id="room" data-meeting data-ws data-strings-url [data-for] [data-agenda] [data-guest]>`. */
import { mount } from 'svelte';
import { loadCatalogue } from '../i18n';
import GuestView from './components/GuestView.svelte';
import RoomApp from './components/RoomApp.svelte';
import { RoomStore } from './room.svelte';

async function begin(target: HTMLElement): Promise<void> {
  const { meeting, ws, stringsUrl, for: organisation, agenda } = target.dataset;
  if (!meeting || !ws) throw new Error('The room needs data-meeting and data-ws.');
  await loadCatalogue(stringsUrl);
  const url = new URL(ws, window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (organisation) url.searchParams.set('for', organisation);
  const store = new RoomStore(meeting, url.href, undefined, { ...(organisation ? { organisation } : {}), ...(agenda ? { wayOut: agenda } : {}) });
  target.replaceChildren();
  if (target.dataset['guest'] === undefined) mount(RoomApp, { target, props: { store } });
  else visit(target, store);
  store.start();
  window.addEventListener('beforeunload', (event) => {
    if (store.hasUnsaved) event.preventDefault();
  });
}

/** A guest's page: nothing of it outlives the leaving, not even in the browser's memory of pages. */
function visit(target: HTMLElement, store: RoomStore): void {
  mount(GuestView, { target, props: { store } });
  window.addEventListener('pagehide', () => target.replaceChildren());
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) window.location.reload();
  });
}

const target = document.getElementById('room');
if (target) void begin(target);
