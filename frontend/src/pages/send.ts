/** Long enough for a slow answer, short enough to try again when none came (a download, a network that went away). */
const PATIENCE = 8_000;

const timers = new WeakMap<HTMLFormElement, ReturnType<typeof setTimeout>>();

function release(form: HTMLFormElement): void {
  clearTimeout(timers.get(form));
  timers.delete(form);
  delete form.dataset['sending'];
  for (const button of form.querySelectorAll('[aria-busy=true]')) button.removeAttribute('aria-busy');
}

/**
 * A POST is sent once per press: a second press while the first is under way is swallowed. The server knows repeats by their
 * command id anyway; this spares people the doubt. Buttons are not disabled, since a disabled one would not be part of what is sent.
 */
export function sendOnce(page: Document): void {
  page.addEventListener(
    'submit',
    (event) => {
      const form = event.target as HTMLFormElement;
      // The attribute, since an input named "method" hides the property.
      if (form.getAttribute('method')?.toLowerCase() !== 'post' || 'resend' in form.dataset) return;
      if ('sending' in form.dataset) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      form.dataset['sending'] = '';
      event.submitter?.setAttribute('aria-busy', 'true');
      timers.set(form, setTimeout(() => release(form), PATIENCE));
      // Somebody else stopped it (a question was answered with no): htmx stops the browser too, but says when it is done.
      queueMicrotask(() => {
        setTimeout(() => {
          if (event.defaultPrevented && !form.matches('[hx-post], [data-hx-post], [hx-put], [data-hx-put]')) release(form);
        });
      });
    },
    { capture: true },
  );
  page.addEventListener('htmx:afterRequest', (event) => {
    const form = (event.target as Element).closest('form');
    if (form) release(form);
  });
  // Back to a page that the browser kept as it was.
  page.defaultView?.addEventListener('pageshow', () => {
    for (const form of page.querySelectorAll<HTMLFormElement>('form[data-sending]')) release(form);
  });
}
