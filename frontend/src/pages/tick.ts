/** `input[data-tick-all]` in the head of a table ticks every box of its rows, or none; it shows when all or some are. */
function boxes(all: HTMLInputElement): HTMLInputElement[] {
  return [...(all.closest('table')?.querySelectorAll<HTMLInputElement>('tbody input[type=checkbox]') ?? [])].filter((box) => !box.disabled);
}

function show(all: HTMLInputElement): void {
  const rows = boxes(all);
  const ticked = rows.filter((box) => box.checked).length;
  all.checked = rows.length > 0 && ticked === rows.length;
  all.indeterminate = ticked > 0 && ticked < rows.length;
}

export function tickAll(page: Document): void {
  page.addEventListener('change', (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement)) return;
    if (box.matches('[data-tick-all]')) {
      for (const row of boxes(box)) row.checked = box.checked;
      return;
    }
    const all = box.closest('table')?.querySelector<HTMLInputElement>('input[data-tick-all]');
    if (all) show(all);
  });
  // A page that the browser brings back keeps its ticks.
  for (const all of page.querySelectorAll<HTMLInputElement>('input[data-tick-all]')) show(all);
}
