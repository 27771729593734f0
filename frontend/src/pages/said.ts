function keysOf(element: HTMLElement): string[] {
  return (element.dataset['keys'] ?? '').split(' ').filter(Boolean);
}

/** Inside `[data-said]`: pointing at or focusing one of `[data-keys="a b"]` lights everything that shares a key with it. */
export function said(page: Document): void {
  const light = (event: Event): void => {
    const element = (event.target as Element).closest<HTMLElement>('[data-said] [data-keys]');
    const sheet = (event.target as Element).closest<HTMLElement>('[data-said]') ?? page.querySelector<HTMLElement>('[data-said]');
    if (!sheet) return;
    const keys = element ? keysOf(element) : [];
    const lit: HTMLElement[] = [];
    for (const each of sheet.querySelectorAll<HTMLElement>('[data-keys]')) {
      const shares = keysOf(each).some((key) => keys.includes(key));
      each.toggleAttribute('data-lit', shares);
      if (shares) lit.push(each);
    }
    // From a row to its words: the text moves in its own box, the page stays.
    const words = element?.matches('tr') ? lit.find((each) => each.matches('a')) : undefined;
    const box = words?.closest<HTMLElement>('.paste-read');
    if (words && box && box.scrollHeight > box.clientHeight) {
      box.scrollTop += words.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
    }
  };
  page.addEventListener('pointerover', light);
  page.addEventListener('focusin', light);
}
