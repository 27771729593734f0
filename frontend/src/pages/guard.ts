const beginnings = new WeakMap<HTMLFormElement, string>();

/** What is typed in a form, without what the page itself sends along. */
export function content(form: HTMLFormElement): string {
  const hidden = new Set([...form.elements].filter((each) => each instanceof HTMLInputElement && each.type === 'hidden').map((each) => (each as HTMLInputElement).name));
  return JSON.stringify(
    [...new FormData(form)]
      .filter(([name]) => !hidden.has(name))
      .map(([name, value]) => [name, value instanceof File ? `${value.name} ${value.size}` : value]),
  );
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

/** `stored` (a `content`) is saved; `wholly` is false where the server could not take a part of it. */
export function settle(form: HTMLFormElement, stored: string, wholly: boolean): void {
  beginnings.set(form, stored);
  form.dataset['guard'] = wholly ? '' : 'dirty';
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
