/**
 * Keys of a page. Rows of `table[data-keys]` are walked with j, k and the arrows; a letter presses the row's `[data-key]`;
 * `[data-shortcut]` works everywhere on the page; `/` leads to `[data-search]`; `?` lists what there is.
 * Single keys can be switched off (WCAG 2.1.4); what acts on a focused row stays.
 */
const SWITCH = 'mdo-single-keys';
const PLACE = 'mdo-row';

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches('textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])');
}

function singleKeys(page: Document): boolean {
  return page.defaultView?.localStorage.getItem(SWITCH) !== 'off';
}

function rows(table: Element): HTMLElement[] {
  return [...table.querySelectorAll<HTMLElement>('tr[data-row]')].filter((row) => !row.hidden);
}

function enter(row: HTMLElement): void {
  for (const other of row.closest('[data-keys]')?.querySelectorAll<HTMLElement>('tr[data-row][tabindex="0"]') ?? []) other.tabIndex = -1;
  row.tabIndex = 0;
  row.focus();
  row.scrollIntoView?.({ block: 'nearest' });
}

/** One row of each table is reached with Tab; the keys walk to the others. */
function prepare(page: Document): void {
  for (const table of page.querySelectorAll('[data-keys]')) {
    const all = rows(table);
    if (all.some((row) => row.tabIndex === 0)) continue;
    all.forEach((row, index) => {
      row.tabIndex = index === 0 ? 0 : -1;
    });
  }
}

function remember(page: Document, row: HTMLElement): void {
  const table = row.closest('[data-keys]');
  const tables = [...page.querySelectorAll('[data-keys]')];
  if (!table) return;
  const place = { path: page.location.pathname, table: tables.indexOf(table), row: row.dataset['row'] ?? '', index: rows(table).indexOf(row) };
  page.defaultView?.sessionStorage.setItem(PLACE, JSON.stringify(place));
}

/** After a row's key reloaded the page: the same row if it is still there, else the one that moved up into its place. */
function comeBack(page: Document): void {
  const storage = page.defaultView?.sessionStorage;
  const kept = storage?.getItem(PLACE);
  if (!storage || !kept) return;
  storage.removeItem(PLACE);
  const place = JSON.parse(kept) as { path: string; table: number; row: string; index: number };
  const table = page.querySelectorAll('[data-keys]')[place.table];
  if (place.path !== page.location.pathname || !table || page.querySelector('[data-errors]')) return;
  const all = rows(table);
  const row = all.find((one) => one.dataset['row'] === place.row) ?? all[Math.min(place.index, all.length - 1)];
  if (row) enter(row);
}

function press(element: HTMLElement | null): boolean {
  if (!element || element.matches(':disabled, [aria-disabled=true]') || element.closest('[hidden]')) return false;
  if (element.matches('input, select, textarea')) element.focus();
  else element.click();
  return true;
}

/** The element whose `data-key` or `data-shortcut` is this key; compared, not built into a selector, since a key can be any character. */
function keyed(place: ParentNode, attribute: 'key' | 'shortcut', key: string): HTMLElement | null {
  return [...place.querySelectorAll<HTMLElement>(`[data-${attribute}]`)].find((element) => element.dataset[attribute] === key) ?? null;
}

function inRow(page: Document, row: HTMLElement, event: KeyboardEvent): boolean {
  const all = rows(row.closest('[data-keys]')!);
  const at = all.indexOf(row);
  const key = event.key;
  const arrow = key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0;
  if (event.altKey) {
    if (!arrow) return false;
    const button = keyed(row, 'key', arrow > 0 ? 'down' : 'up');
    if (button) remember(page, row);
    return press(button);
  }
  const single = singleKeys(page);
  const step = arrow || (single && key === 'j' ? 1 : single && key === 'k' ? -1 : 0);
  if (step) {
    const next = all[at + step];
    if (next) enter(next);
    return true;
  }
  if (key === 'Home' || key === 'End') {
    const next = key === 'Home' ? all[0] : all.at(-1);
    if (next) enter(next);
    return true;
  }
  // Enter on a button or link inside the row is that button's or link's.
  if (key === 'Enter') return event.target === row && press(row.querySelector<HTMLElement>('a[data-open]'));
  if (key.length !== 1) return false;
  const button = keyed(row, 'key', key.toLowerCase());
  if (button) remember(page, row);
  return press(button);
}

function onPage(page: Document, event: KeyboardEvent): boolean {
  if (event.altKey || !singleKeys(page)) return false;
  const key = event.key;
  if (key === '?') {
    showKeys(page);
    return true;
  }
  if (key === '/') {
    const search = page.querySelector<HTMLInputElement>('[data-search]');
    search?.focus();
    search?.select?.();
    return search !== null;
  }
  const shortcut = keyed(page, 'shortcut', key.toLowerCase());
  if (shortcut) return press(shortcut);
  const table = page.querySelector('[data-keys]');
  if (!table || (key !== 'j' && key !== 'k')) return false;
  const row = rows(table).find((one) => one.tabIndex === 0);
  if (row) enter(row);
  return row !== undefined;
}

function label(element: HTMLElement): string {
  return element.dataset['shortcutLabel'] ?? element.dataset['keyLabel'] ?? element.getAttribute('aria-label') ?? element.textContent?.trim().replace(/\s+/g, ' ') ?? '';
}

/** What the page's keys do, as [key, words]: the words are those of the buttons. */
export function listed(page: Document): [string, string][] {
  const words = page.querySelector<HTMLElement>('[data-keys-list]')?.dataset ?? {};
  const list: [string, string][] = [];
  const add = (key: string, text: string | undefined) => {
    if (text && !list.some(([known]) => known === key)) list.push([key, text]);
  };
  for (const element of page.querySelectorAll<HTMLElement>('[data-shortcut]')) add((element.dataset['shortcut'] ?? '').toUpperCase(), label(element));
  if (page.querySelector('[data-search]')) add('/', words['search']);
  if (page.querySelector('[data-keys] tr[data-row]')) {
    add('J K ↓ ↑', words['rows']);
    if (page.querySelector('[data-row] a[data-open]')) add('Enter', words['open']);
    if (page.querySelector('[data-row] [data-key=up], [data-row] [data-key=down]')) add('Alt ↑ ↓', words['move']);
    for (const element of page.querySelectorAll<HTMLElement>('[data-row] [data-key]')) {
      const key = element.dataset['key'] ?? '';
      if (key.length === 1) add(key.toUpperCase(), label(element));
    }
  }
  add('?', words['help']);
  return list;
}

function showKeys(page: Document): void {
  const dialog = page.getElementById('keys') as HTMLDialogElement | null;
  if (!dialog || dialog.open) return;
  fillKeys(page);
  dialog.showModal();
}

function fillKeys(page: Document): void {
  page.querySelector('[data-keys-list]')?.replaceChildren(
    ...listed(page).flatMap(([key, text]) => {
      const term = page.createElement('dt');
      for (const part of key.split(' ')) {
        const cap = page.createElement('kbd');
        cap.textContent = part;
        if (term.childNodes.length) term.append(' ');
        term.append(cap);
      }
      const meaning = page.createElement('dd');
      meaning.textContent = text;
      return [term, meaning];
    }),
  );
}

export function keys(page: Document): void {
  prepare(page);
  comeBack(page);
  page.addEventListener('htmx:afterSettle', () => {
    prepare(page);
    comeBack(page);
  });
  page.addEventListener('focusin', (event) => {
    const row = (event.target as Element).closest<HTMLElement>('[data-keys] tr[data-row]');
    if (!row) return;
    for (const other of rows(row.closest('[data-keys]')!)) other.tabIndex = other === row ? 0 : -1;
  });
  page.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.isComposing || typing(event.target)) return;
    if (page.querySelector('dialog[open]')) return;
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-keys] tr[data-row]') : null;
    if ((row && inRow(page, row, event)) || onPage(page, event)) event.preventDefault();
  });
  page.addEventListener('click', (event) => {
    if ((event.target as Element).closest('[data-dialog-open="keys"]')) fillKeys(page);
  });
  const box = page.querySelector<HTMLInputElement>('[data-keys-switch]');
  if (box) {
    box.checked = singleKeys(page);
    box.addEventListener('change', () => page.defaultView?.localStorage.setItem(SWITCH, box.checked ? 'on' : 'off'));
  }
}
