/** The test of picture and sound: mounts on `<div id="call-test" data-strings-url data-relay data-socket data-token data-version>`. */
import { mount } from 'svelte';
import { loadCatalogue } from '../i18n';
import CallTestApp from './CallTestApp.svelte';
import { CallTest } from './test.svelte';

async function begin(target: HTMLElement): Promise<void> {
  const { stringsUrl, relay, socket, token, version } = target.dataset;
  if (!relay || !socket || !token) throw new Error('The test needs data-relay, data-socket and data-token.');
  await loadCatalogue(stringsUrl);
  const test = new CallTest({ relay, socket, token });
  target.replaceChildren();
  mount(CallTestApp, { target, props: { test, socket, version: version ?? '' } });
  // A page that goes into the browser's memory keeps no camera.
  window.addEventListener('pagehide', () => test.stop());
}

const target = document.getElementById('call-test');
if (target) void begin(target);
