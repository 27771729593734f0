/** What the control with this name says: the chosen values, or `on` for a ticked box. */
function values(form: HTMLFormElement, name: string): string[] {
  return new FormData(form).getAll(name).map(String);
}

function apply(form: HTMLFormElement): void {
  for (const part of form.querySelectorAll<HTMLElement>('[data-show-if]')) {
    const wanted = (part.dataset['showValues'] ?? '').split(' ');
    // What hangs on a hidden question is hidden with it; an answer that is wrong must stay in sight.
    const controls = [...form.elements] as HTMLInputElement[];
    const parent = controls.find((control) => control.name === part.dataset['showIf'])?.closest<HTMLElement>('[data-show-if]');
    const shown = values(form, part.dataset['showIf'] ?? '').some((value) => wanted.includes(value)) && !parent?.hidden;
    part.hidden = !shown && !part.querySelector('.field-invalid');
  }
}

/** `[data-show-if="name"][data-show-values="a b"]` is shown while the control `name` of its form holds one of the values. */
export function showIf(page: Document): void {
  const all = () => {
    for (const form of new Set([...page.querySelectorAll<HTMLElement>('[data-show-if]')].map((part) => part.closest('form')))) {
      if (form) apply(form);
    }
  };
  all();
  page.addEventListener('change', (event) => {
    const form = (event.target as Element).closest('form');
    if (form) apply(form);
  });
  page.addEventListener('htmx:load', all);
}
