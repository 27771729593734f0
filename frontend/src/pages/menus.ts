/** Menus are <details>: opened by the browser, closed here by Escape, a click elsewhere, or the focus leaving. */
export function menus(page: Document): void {
  const close = (menu: HTMLDetailsElement) => {
    menu.open = false;
  };
  const open = () => page.querySelectorAll<HTMLDetailsElement>('details[data-menu][open]');
  page.addEventListener('click', (event) => {
    for (const menu of open()) if (!menu.contains(event.target as Node)) close(menu);
  });
  page.addEventListener('focusin', (event) => {
    for (const menu of open()) if (!menu.contains(event.target as Node)) close(menu);
  });
  page.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    for (const menu of open()) {
      close(menu);
      menu.querySelector('summary')?.focus();
    }
  });
  page.addEventListener('change', (event) => {
    const control = event.target as HTMLElement;
    if (control.matches('[data-submit]')) (control as HTMLSelectElement | HTMLInputElement).form?.requestSubmit();
  });
}
