/**
 * Sentences for people. The source language is English; the server's JSON catalogue
 * (Django's JSONCatalog: {"catalog": {…}, "plural": "…"|null}) holds the reader's language.
 * A sentence that the catalogue lacks is shown in English.
 */
type Catalogue = Record<string, string | string[]>;

let catalogue: Catalogue = {};
let pluralIndex: (n: number) => number = (n) => (n === 1 ? 0 : 1);

/** Replace the catalogue. Dutch, French and German all need two forms; French counts 0 as one. */
export function useCatalogue(entries: Catalogue, plural?: string | null): void {
  catalogue = entries;
  // Django hands the plural rule over as a C expression; the page's policy forbids evaluating it,
  // and the languages of this site have only these two rules.
  pluralIndex = plural && />\s*1/.test(plural) ? (n) => (n > 1 ? 1 : 0) : (n) => (n === 1 ? 0 : 1);
}

/** Load the catalogue; without it (no network, an error) the page speaks English rather than failing. */
export async function loadCatalogue(url: string | undefined): Promise<void> {
  if (!url) return;
  try {
    const answer = await fetch(url, { credentials: 'same-origin', headers: { Accept: 'application/json' } });
    if (!answer.ok) return;
    const body = (await answer.json()) as { catalog?: Catalogue; plural?: string | null };
    useCatalogue(body.catalog ?? {}, body.plural ?? null);
  } catch {
    // English stands.
  }
}

/** The sentence in the reader's language. */
export function gettext(source: string): string {
  const found = catalogue[source];
  if (found === undefined) return source;
  const text = Array.isArray(found) ? found[0] : found;
  return text || source;
}

/** The sentence for a count; put the count in with `interpolate`. */
export function ngettext(one: string, many: string, count: number): string {
  const found = catalogue[one];
  if (Array.isArray(found)) {
    const text = found[pluralIndex(count)];
    if (text) return text;
  }
  return count === 1 ? one : many;
}

/** The sentence in its context, e.g. `pgettext('meeting state', 'closed')`. */
export function pgettext(context: string, source: string): string {
  const key = `${context}\u0004${source}`;
  const text = gettext(key);
  return text === key ? source : text;
}

/** Put values into `%(name)s` places, as Django's own `interpolate(…, true)` does. */
export function interpolate(sentence: string, values: Record<string, string | number>): string {
  return sentence.replace(/%\((\w+)\)s/g, (place, name: string) => (name in values ? String(values[name]) : place));
}

/** The page's language, for dates and numbers. */
export function language(): string {
  return document.documentElement.lang || 'en';
}
