/** `[data-print]` prints the page. */
export function printButtons(page: Document): void {
  page.addEventListener('click', (event) => {
    if ((event.target as Element).closest('[data-print]')) page.defaultView?.print();
  });
}
