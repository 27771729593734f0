const beginnings = new WeakMap<HTMLFormElement, string>();

function content(form: HTMLFormElement): string {
  return JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value instanceof File ? `${value.name} ${value.size}` : value]));
}

function watch(page: Document): void {
  for (const form of page.querySelectorAll<HTMLFormElement>('form[data-guard]')) {
    if (!beginnings.has(form)) beginnings.set(form, content(form));
  }
}

/** Whether a form holds something typed that was not sent. A form that came back with errors (`data-guard="dirty"`) does. */
export function dirty(form: HTMLFormElement): boolean {
  if ('sending' in form.dataset) return false;
  return form.dataset['guard'] === 'dirty' || content(form) !== beginnings.get(form);
}

/** Leaving a page with something typed and not sent asks first. */
export function guardForms(page: Document): void {
  watch(page);
  page.addEventListener('htmx:load', () => watch(page));
  page.defaultView?.addEventListener('beforeunload', (event) => {
    const forms = [...page.querySelectorAll<HTMLFormElement>('form[data-guard]')];
    if (forms.some((form) => 'sending' in form.dataset)) return;
    if (forms.some(dirty)) event.preventDefault();
  });
}
