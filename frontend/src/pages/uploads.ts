function size(bytes: number): string {
  const language = document.documentElement.lang || 'en';
  return bytes < 1_000_000
    ? new Intl.NumberFormat(language, { style: 'unit', unit: 'kilobyte', maximumFractionDigits: 0 }).format(Math.ceil(bytes / 1000))
    : new Intl.NumberFormat(language, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 1 }).format(bytes / 1_000_000);
}

/** Files may be dropped on `[data-upload]`; the chosen ones are listed with their size. */
export function uploads(page: Document): void {
  for (const area of page.querySelectorAll<HTMLElement>('[data-upload]')) {
    const input = area.querySelector<HTMLInputElement>('input[type=file]');
    if (!input) continue;
    const list = area.querySelector('[data-upload-list]');
    const show = () => {
      const files = [...(input.files ?? [])];
      list?.replaceChildren(
        ...files.map((file) => {
          const line = page.createElement('li');
          line.textContent = `${file.name} · ${size(file.size)}`;
          return line;
        }),
      );
    };
    input.addEventListener('change', show);
    area.addEventListener('dragover', (event) => {
      event.preventDefault();
      area.dataset['over'] = '';
    });
    area.addEventListener('dragleave', () => delete area.dataset['over']);
    area.addEventListener('drop', (event) => {
      event.preventDefault();
      delete area.dataset['over'];
      const dropped = event.dataTransfer?.files;
      if (!dropped?.length) return;
      if (dropped.length > 1 && !input.multiple) return;
      input.files = dropped;
      input.dispatchEvent(new Event('change', { bubbles: true }));
    });
  }
}
