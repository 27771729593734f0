/** Where the main navigation is wider than the screen, the page's own entry is in view. */
export function here(page: Document): void {
  const current = page.querySelector<HTMLElement>('.nav [aria-current="page"]');
  const bar = current?.closest<HTMLElement>('.nav');
  if (current && bar) bar.scrollLeft = current.offsetLeft - bar.offsetLeft - (bar.clientWidth - current.offsetWidth) / 2;
}
