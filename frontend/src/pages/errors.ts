/** The control that a link of the errors summary means: the element itself, or the first control inside a group. */
function control(page: Document, id: string): HTMLElement | null {
  const element = page.getElementById(id);
  if (!element) return page.getElementsByName(id.replace(/^id_/, ''))[0] ?? null;
  return element.matches('input, select, textarea, button')
    ? element
    : element.querySelector<HTMLElement>('input, select, textarea, button');
}

function attend(page: Document): void {
  const summary = page.querySelector<HTMLElement>('[data-errors]:not([data-seen])');
  if (!summary) return;
  summary.dataset['seen'] = '';
  const prefix = summary.dataset['titlePrefix'] ?? '';
  if (!page.title.startsWith(prefix)) page.title = prefix + page.title;
  summary.focus();
  summary.addEventListener('click', (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>('a[href^="#"]');
    const target = link && control(page, decodeURIComponent(link.hash.slice(1)));
    if (!target) return;
    event.preventDefault();
    (target.closest('.field') ?? target).scrollIntoView({ block: 'center' });
    target.focus({ preventScroll: true });
  });
}

/** The errors summary is focused when the page (or a part of it) comes back with errors; its links lead into the fields. */
export function errorsSummary(page: Document): void {
  attend(page);
  page.addEventListener('htmx:afterSettle', () => attend(page));
}
