/** A screen on a wall: mounts on `<main id="wall" data-strings-url data-state data-code data-token>`. */
import '../../css/main.css';
import { mount } from 'svelte';
import { loadCatalogue } from '../i18n';
import { Screen } from './screen.svelte';
import WallApp from './WallApp.svelte';

async function begin(target: HTMLElement): Promise<void> {
  const { stringsUrl, state, code, token } = target.dataset;
  if (!state || !code || !token) throw new Error('The wall needs data-state, data-code and data-token.');
  await loadCatalogue(stringsUrl);
  const screen = new Screen({ state, code, token }, () => window.location.reload());
  target.replaceChildren();
  mount(WallApp, { target, props: { screen } });
  await screen.start();
}

const target = document.getElementById('wall');
if (target) void begin(target);
