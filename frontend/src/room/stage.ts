/**
 * What lies on the table: an HTML fragment per item and viewer, made by the server. It is asked for
 * again when the item changes, and never shows one patient while another is being fetched.
 */
import type { Id } from './protocol';

export type StageStatus = 'empty' | 'loading' | 'ready' | 'refused' | 'unreachable';

export class StageLoader {
  item: Id | null = null;
  html = '';
  status: StageStatus = 'empty';

  private key = '';
  private abort: AbortController | null = null;

  constructor(
    private readonly url: (item: Id) => string,
    private readonly changed: () => void,
  ) {}

  /** Show an item in its version and that of its case; null shows nothing. Asking again for what is shown does nothing. */
  show(item: Id | null, version = 0, content = 0): void {
    const key = item === null ? '' : `${item} ${version} ${content}`;
    if (key === this.key && this.status !== 'unreachable') return;
    this.key = key;
    this.abort?.abort();
    this.abort = null;
    if (item !== this.item) this.html = '';
    this.item = item;
    if (item === null) {
      this.status = 'empty';
      this.changed();
      return;
    }
    if (!this.html) this.status = 'loading';
    this.changed();
    void this.fetch(item, key);
  }

  private async fetch(item: Id, key: string): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    try {
      const answer = await fetch(this.url(item), {
        credentials: 'same-origin',
        headers: { Accept: 'text/html', 'X-Requested-With': 'fetch' },
        redirect: 'error',
        signal: abort.signal,
      });
      const html = answer.ok ? await answer.text() : '';
      if (key !== this.key) return;
      if (answer.ok) {
        this.html = html;
        this.status = 'ready';
      } else if (answer.status >= 500) {
        this.status = 'unreachable';
      } else {
        this.html = '';
        this.status = 'refused';
      }
    } catch {
      if (key !== this.key || abort.signal.aborted) return;
      // What is shown of this very item may stay: it was true a moment ago, and the page says that it is cut off.
      this.status = 'unreachable';
    }
    this.changed();
  }
}
