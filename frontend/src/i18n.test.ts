import { afterEach, expect, test, vi } from 'vitest';
import { gettext, interpolate, loadCatalogue, ngettext, pgettext, useCatalogue } from './i18n';

afterEach(() => {
  useCatalogue({});
  vi.unstubAllGlobals();
});

const serve = (answer: () => Response | Promise<never>) => vi.stubGlobal('fetch', async () => answer());

test('without a catalogue the source speaks', () => {
  expect([gettext('Next'), ngettext('%(n)s item', '%(n)s items', 2), pgettext('meeting', 'closed')]).toEqual(['Next', '%(n)s items', 'closed']);
});

test('the catalogue speaks the reader’s language', async () => {
  serve(() => Response.json({ catalog: { Next: 'Volgende', '%(n)s item': ['%(n)s punt', '%(n)s punten'], 'meeting\u0004closed': 'gesloten', Empty: '' }, plural: '(n != 1)' }));
  await loadCatalogue('/jsi18n/');
  const counted = [0, 1, 2].map((n) => interpolate(ngettext('%(n)s item', '%(n)s items', n), { n }));
  expect([gettext('Next'), gettext('Empty'), gettext('Unknown'), pgettext('meeting', 'closed'), ...counted]).toEqual(['Volgende', 'Empty', 'Unknown', 'gesloten', '0 punten', '1 punt', '2 punten']);
});

test('French counts nothing as one', () => {
  useCatalogue({ item: ['point', 'points'] }, '(n > 1)');
  expect([0, 1, 2].map((n) => ngettext('item', 'items', n))).toEqual(['point', 'point', 'points']);
});

test.each([
  ['an error', () => new Response('', { status: 500 })],
  ['a network that is gone', () => Promise.reject(new TypeError('failed'))],
  ['no JSON', () => new Response('<html>')],
])('%s leaves English', async (_, answer) => {
  serve(answer as () => Response);
  await loadCatalogue('/jsi18n/');
  expect(gettext('Next')).toBe('Next');
});

test('a place without a value stays to be seen', () => expect(interpolate('%(a)s and %(b)s', { a: 1 })).toBe('1 and %(b)s'));
