/**
 * The page that a guest's link opens. The link's secret stands behind the `#`, which a browser sends to nobody: this
 * script takes it out of the address before anything else happens and tells the server which link it was.
 */

/** The secret in the address, taken out of it: it stays in no address bar and no history. */
export function takeSecret(): string {
  const secret = window.location.hash.slice(1);
  if (secret) window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return secret;
}

interface Answer {
  message?: string;
  again?: boolean;
}

export async function openLink(page: HTMLElement, secret: string, goOn: () => void, tries = 2): Promise<void> {
  const body = new FormData();
  body.set('token', secret);
  body.set('csrfmiddlewaretoken', page.querySelector<HTMLInputElement>('[name=csrfmiddlewaretoken]')?.value ?? '');
  let answer: Response;
  try {
    answer = await fetch(page.dataset['open']!, { method: 'POST', body, credentials: 'same-origin', headers: { Accept: 'application/json' } });
  } catch {
    say(page, page.dataset['offline'] ?? '');
    return;
  }
  const said = (await answer.json().catch(() => ({}))) as Answer;
  // Another guest's session was ended in this browser: the form's own secret went with it.
  if (said.again && tries > 1) {
    await renewForm(page);
    return openLink(page, secret, goOn, tries - 1);
  }
  if (answer.ok) goOn();
  else say(page, said.message ?? page.dataset['offline'] ?? '');
}

async function renewForm(page: HTMLElement): Promise<void> {
  const fresh = await fetch(window.location.pathname, { credentials: 'same-origin' }).then((found) => found.text());
  const value = new DOMParser().parseFromString(fresh, 'text/html').querySelector<HTMLInputElement>('[name=csrfmiddlewaretoken]')?.value;
  const field = page.querySelector<HTMLInputElement>('[name=csrfmiddlewaretoken]');
  if (value && field) field.value = value;
}

function say(page: HTMLElement, text: string): void {
  const place = page.querySelector('[data-guest-text]');
  if (place) place.textContent = text;
}

function begin(page: HTMLElement): void {
  const goOn = (): void => window.location.replace(window.location.pathname);
  const open = (): void => {
    const secret = takeSecret();
    if (secret) void openLink(page, secret, goOn);
  };
  open();
  window.addEventListener('hashchange', open);
  // A page out of the browser's memory may be one that is not true any more.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) window.location.reload();
  });
  const opensAt = page.dataset['opensAt'];
  if (opensAt) {
    // Timers longer than this overflow; the page looks again now and then anyway.
    const wait = Math.min(Math.max(Date.parse(opensAt) - Date.now(), 0) + 1_000, 600_000);
    setTimeout(goOn, wait);
  }
}

const page = document.getElementById('guest');
if (page) begin(page);
