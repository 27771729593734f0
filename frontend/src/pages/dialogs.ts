/** `[data-dialog-open="id"]` shows a <dialog>, `[data-dialog-close]` closes the one it stands in; `[data-dismiss]` takes its message away. */
export function dialogs(page: Document): void {
  page.addEventListener('click', (event) => {
    const target = event.target as Element;
    const opener = target.closest<HTMLElement>('[data-dialog-open]');
    if (opener) {
      const dialog = page.getElementById(opener.dataset['dialogOpen'] ?? '');
      opener.closest('details')?.removeAttribute('open');
      if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
    }
    if (target.closest('[data-dialog-close]')) target.closest('dialog')?.close();
    if (target.closest('[data-dismiss]')) target.closest('.message')?.remove();
  });
}
