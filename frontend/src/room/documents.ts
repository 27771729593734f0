/** The documents that the stage's fragment offers: links that say what they lead to. */
import type { StageDocument } from './eye.svelte';

export function documentsIn(fragment: ParentNode): StageDocument[] {
  return [...fragment.querySelectorAll<HTMLAnchorElement>('a[data-document]')].map(({ dataset }) => ({
    id: dataset['document']!,
    name: dataset['name'] ?? '',
    type: dataset['type'] ?? '',
    pages: Number(dataset['pages']) || 0,
  }));
}
