import htmx from 'htmx.org';
import { toast, words } from './toast';

/** htmx as the content security policy and the house's answers want it: no eval, no inline style, 422 is swapped like 200. */
export function configureHtmx(page: Document): void {
  Object.assign(htmx.config, {
    allowEval: false,
    allowScriptTags: false,
    includeIndicatorStyles: false,
    selfRequestsOnly: true,
    // A page kept for "back" would leave care content in the browser's storage.
    historyCacheSize: 0,
    refreshOnHistoryMiss: true,
    timeout: 20_000,
    responseHandling: [
      { code: '204', swap: false },
      { code: '[23]..', swap: true },
      { code: '422', swap: true },
      { code: '[45]..', swap: false, error: true },
      { code: '...', swap: false },
    ],
  });
  page.addEventListener('htmx:configRequest', (event) => {
    const { headers, verb } = (event as CustomEvent<{ headers: Record<string, string>; verb: string }>).detail;
    const token = page.querySelector<HTMLInputElement>('input[name=csrfmiddlewaretoken]')?.value;
    if (token && verb !== 'get') headers['X-CSRFToken'] = token;
  });
  page.addEventListener('htmx:responseError', () => toast(words('refused', page), page));
  for (const name of ['htmx:sendError', 'htmx:timeout']) {
    page.addEventListener(name, () => toast(words('offline', page), page));
  }
}
