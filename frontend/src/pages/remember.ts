interface Remembered {
  who: string;
  values: [string, string][];
}

/** What htmx says when an answer came. */
interface Answered {
  successful?: boolean;
  requestConfig?: { formData?: FormData };
}

/**
 * `form[data-remember="who"]` is sent by htmx and has no address of its own, since its words must not stand in one. So that
 * "back" leads to the same results, what was sent is kept with this entry of the tab's history (never in storage), and is
 * filled in and sent again when the same person comes back to it.
 */
export function remember(page: Document): void {
  const history = page.defaultView?.history;
  const form = page.querySelector<HTMLFormElement>('form[data-remember]');
  if (!history || !form) return;
  const who = form.dataset['remember'] ?? '';

  page.addEventListener('htmx:afterRequest', (event) => {
    const { successful, requestConfig } = (event as CustomEvent<Answered>).detail;
    if (event.target !== form || !successful) return;
    form.querySelectorAll('input[data-remembered]').forEach((input) => input.remove());
    // What was sent, with the page's number, which is a button's.
    const values = [...(requestConfig?.formData ?? new FormData(form))].filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '' && entry[0] !== 'csrfmiddlewaretoken',
    );
    const remembered: Remembered = { who, values };
    history.replaceState({ ...(history.state as object | null), remembered }, '');
  });

  const kept = (history.state as { remembered?: Remembered } | null)?.remembered;
  if (!kept || kept.who !== who || !kept.values.length) return;
  for (const [name, value] of kept.values) {
    const control = form.elements.namedItem(name);
    if (control instanceof HTMLInputElement || control instanceof HTMLSelectElement) control.value = value;
    if (control instanceof HTMLInputElement || (control instanceof HTMLSelectElement && control.value === value)) continue;
    // A choice that only comes with the results (a board, a hospital).
    const input = page.createElement('input');
    Object.assign(input, { type: 'hidden', name, value });
    input.dataset['remembered'] = '';
    if (control instanceof HTMLSelectElement) control.disabled = true; // replaced with the results
    form.append(input);
  }
  // htmx listens once the page is ready.
  setTimeout(() => form.requestSubmit());
}
