/** A sentence at the foot of the page, read out once. */
let timer: ReturnType<typeof setTimeout> | undefined;

export function toast(sentence: string | undefined, page: Document = document): void {
  const place = page.getElementById('toast');
  if (!place || !sentence) return;
  place.textContent = sentence;
  clearTimeout(timer);
  timer = setTimeout(() => {
    place.textContent = '';
  }, 6000);
}

/** One of the page's own sentences: they stand on #toast, so that the server translates them. */
export function words(name: string, page: Document = document): string | undefined {
  return page.getElementById('toast')?.dataset[name];
}
