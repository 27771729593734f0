/** `[data-fill='{"id": "value"}']` fills inputs by id; `[data-fill-then="id"]` moves the focus there. */
export function fillButtons(page: Document): void {
  page.addEventListener('click', (event) => {
    const button = (event.target as Element).closest<HTMLElement>('[data-fill]');
    if (!button) return;
    const values = JSON.parse(button.dataset['fill'] ?? '{}') as Record<string, string>;
    for (const [id, value] of Object.entries(values)) {
      const input = page.getElementById(id);
      if (!(input instanceof HTMLInputElement)) continue;
      input.value = value;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }
    page.getElementById(button.dataset['fillThen'] ?? '')?.focus();
  });
}
