import { toast, words } from './toast';

/** `[data-copy="text"]`, or `[data-copy-from="#id"]` for the words of an element. */
export function copyButtons(page: Document): void {
  page.addEventListener('click', (event) => {
    const button = (event.target as Element).closest<HTMLElement>('[data-copy], [data-copy-from]');
    if (!button) return;
    const from = button.dataset['copyFrom'];
    const source = from ? page.querySelector<HTMLElement>(from) : null;
    const text = button.dataset['copy'] ?? (source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement ? source.value : source?.textContent?.trim());
    if (text === undefined) return;
    void page.defaultView?.navigator.clipboard?.writeText(text).then(() => toast(words('copied', page), page));
  });
}
