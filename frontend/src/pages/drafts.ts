import { content, settle } from './guard';

type State = 'saved' | 'saving' | 'unsaved' | 'partly' | 'wrong' | 'offline' | 'changed' | 'refused';

/** What the server answers; see `cases/views/drafts.py`. */
interface Answer {
  command_id: string;
  version?: number;
  seen?: string;
  errors?: Record<string, string>;
  parts?: Record<string, string>;
  asked?: string[];
  unconfirmed?: string[];
  differences?: string;
}

/** After the last key, and at the latest after the first one that was not saved. */
const PAUSE = 1_200;
const LONGEST = 8_000;
const PATIENCE = 20_000;
const AGAIN = [2_000, 5_000, 15_000, 30_000];

const MARKS: Record<State, string> = {
  saved: 'saved',
  saving: 'saving',
  unsaved: 'unsaved',
  partly: 'unsaved',
  wrong: 'unsaved',
  offline: 'offline',
  changed: 'unsaved',
  refused: 'failed',
};
const QUIET: readonly State[] = ['saved', 'saving', 'unsaved'];

/** A part of a page that the server drew and escaped; nothing in it runs. */
function drawn(html: string): Node[] {
  return [...new DOMParser().parseFromString(html, 'text/html').body.childNodes].map((each) => document.importNode(each, true));
}

/** One form that saves itself. What was sent and not answered is sent again as it was, so that it happens once. */
class Draft {
  private pending: { body: URLSearchParams; content: string } | undefined;
  private flight: Promise<boolean> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private since = 0;
  private failures = 0;
  private stored: string;
  private errors: Record<string, string> = {};
  private readonly parts = new Map<string, string>();
  private settled: State | undefined;
  private at = new Date();
  /** Somebody else saved in between: what is typed goes by the button only. */
  paused = false;

  constructor(private readonly form: HTMLFormElement) {
    this.stored = content(form);
    form.addEventListener('input', () => this.touched());
    form.addEventListener('change', () => this.touched());
    form.addEventListener('focusout', () => setTimeout(() => this.mark()));
  }

  /** Where to save; nowhere for a form that has to be sent by its button. */
  private get url(): string {
    return this.paused ? '' : (this.form.dataset['draft'] ?? '');
  }

  /** Whether pressing a button has to wait: something is under way or there is no line. */
  get busy(): boolean {
    return this.flight !== undefined || this.pending !== undefined || !navigator.onLine;
  }

  /** Whether something was typed since the server last answered. */
  get behind(): boolean {
    return this.pending !== undefined || content(this.form) !== this.stored;
  }

  touched(): void {
    if (!this.behind) {
      clearTimeout(this.timer);
      this.since = 0;
      if (!this.paused && !this.flight) this.show(this.settled);
      return;
    }
    if (!this.paused) this.show(this.failures ? 'offline' : 'unsaved');
    if (!this.url) return;
    this.since ||= Date.now();
    if (!this.flight) this.plan(Math.max(0, Math.min(PAUSE, this.since + LONGEST - Date.now())));
  }

  private plan(after: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), after);
  }

  /** Send what is typed, or what was not answered; whether all of it is stored. */
  flush(): Promise<boolean> {
    clearTimeout(this.timer);
    this.flight ??= this.send().finally(() => {
      this.flight = undefined;
      if (this.failures) this.plan(AGAIN[Math.min(this.failures, AGAIN.length) - 1]!);
      else if (this.url && this.behind) this.touched();
    });
    return this.flight;
  }

  private async send(): Promise<boolean> {
    if (!this.url) return navigator.onLine;
    this.show('saving');
    if (!this.pending) {
      const typed = [...new FormData(this.form)].filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      this.pending = { body: new URLSearchParams(typed), content: content(this.form) };
    }
    const sent = this.pending;
    let answer: Response;
    try {
      answer = await fetch(this.url, {
        method: 'POST',
        body: sent.body,
        credentials: 'same-origin',
        headers: { Accept: 'application/json' },
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      return this.unreachable();
    }
    if (answer.status >= 500) return this.unreachable();
    this.failures = 0;
    this.since = 0;
    this.pending = undefined;
    const told = answer.headers.get('Content-Type')?.startsWith('application/json') ?? false;
    if (answer.redirected || !told) {
      this.show('refused');
      return false;
    }
    return this.take(answer.status, (await answer.json()) as Answer, sent.content);
  }

  private unreachable(): boolean {
    this.failures += 1;
    this.show('offline');
    return false;
  }

  private take(status: number, answer: Answer, sent: string): boolean {
    for (const name of ['command_id', 'version', 'seen'] as const) {
      const control = this.form.querySelector<HTMLInputElement>(`input[type=hidden][name=${name}]`);
      if (control && answer[name] !== undefined) control.value = String(answer[name]);
    }
    this.errors = answer.errors ?? {};
    this.mark();
    if (status === 409 && answer.differences) {
      // Whoever reads what the other one saved decides; their own words are not sent over it by themselves.
      this.paused = true;
      this.form.dataset['guard'] = 'dirty';
      const place = this.form.ownerDocument.getElementById('differences');
      place?.replaceChildren(...drawn(answer.differences));
      this.show('changed');
      return false;
    }
    if (status !== 200) {
      this.stored = sent;
      this.form.dataset['guard'] = 'dirty';
      this.settle(Object.keys(this.errors).length ? 'wrong' : 'refused');
      return false;
    }
    const wholly = Object.keys(this.errors).length === 0;
    this.stored = sent;
    settle(this.form, sent, wholly);
    this.form.ownerDocument.querySelector('main [data-errors]')?.remove();
    for (const [id, html] of Object.entries(answer.parts ?? {})) {
      if (this.parts.get(id) === html) continue; // what says the same is not said again
      this.parts.set(id, html);
      this.form.ownerDocument.getElementById(id)?.replaceChildren(...drawn(html));
    }
    if (answer.asked) {
      for (const tag of this.form.querySelectorAll<HTMLElement>('[data-missing]')) tag.hidden = !answer.asked.includes(tag.dataset['missing'] ?? '');
    }
    if (answer.unconfirmed) {
      for (const part of this.form.querySelectorAll<HTMLElement>('[data-confirm]')) part.hidden = !answer.unconfirmed.includes(part.dataset['confirm'] ?? '');
    }
    this.settle(wholly ? 'saved' : 'partly');
    return wholly;
  }

  private settle(state: State): void {
    this.settled = state;
    this.at = new Date();
    this.show(state);
  }

  /** Errors stand beside their controls, not while somebody is typing there. */
  private mark(): void {
    const page = this.form.ownerDocument;
    for (const shown of this.form.querySelectorAll('.field-error')) {
      const id = shown.id.replace(/_error$/, '');
      if (id in this.errors || !this.url) continue;
      shown.closest('.field')?.classList.remove('field-invalid');
      page.getElementById(id)?.removeAttribute('aria-invalid');
      shown.remove();
    }
    for (const [id, html] of Object.entries(this.errors)) {
      const control = page.getElementById(id) ?? page.getElementById(`${id}_0`);
      const field = control?.closest('.field');
      if (!control || !field || field.contains(page.activeElement)) continue;
      const error = drawn(html).find((each) => each instanceof Element);
      if (!error) continue;
      page.getElementById(`${id}_error`)?.remove();
      (field.querySelector('.field-help') ?? field.querySelector('legend, label'))?.after(error);
      field.classList.add('field-invalid');
      control.setAttribute('aria-invalid', 'true');
      const describes = new Set((control.getAttribute('aria-describedby') ?? '').split(' ').filter(Boolean)).add(`${id}_error`);
      control.setAttribute('aria-describedby', [...describes].join(' '));
    }
  }

  show(state: State | undefined): void {
    const place = this.form.querySelector<HTMLElement>('[data-draft-state]');
    if (!place) return;
    place.hidden = state === undefined;
    if (state === undefined) return;
    const words = place.dataset[state] ?? '';
    const at = new Intl.DateTimeFormat(this.form.ownerDocument.documentElement.lang || 'en', { hour: '2-digit', minute: '2-digit' });
    // Each save said aloud would be noise; that something is not saved is told.
    place.setAttribute('aria-live', QUIET.includes(state) ? 'off' : 'polite');
    place.className = `draft-state status status-${MARKS[state]}`;
    const text = state === 'saved' ? `${words} ${at.format(this.at)}` : words;
    if (place.textContent !== text) place.textContent = text;
  }
}

/**
 * `form[data-draft="address"]` saves itself there while somebody types; `form[data-draft]` without an address only says that
 * nothing is saved yet. What cannot be sent stays in the form, and a button waits for what is under way.
 */
export function drafts(page: Document): void {
  const found = new Map<HTMLFormElement, Draft>();
  for (const form of page.querySelectorAll<HTMLFormElement>('form[data-draft]')) found.set(form, new Draft(form));
  if (!found.size) return;
  page.addEventListener(
    'submit',
    (event) => {
      const form = event.target as HTMLFormElement;
      const draft = found.get(form);
      if (!draft?.busy) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!navigator.onLine) return draft.show('offline');
      const button = event.submitter;
      const paused = draft.paused;
      void draft.flush().then(() => {
        if (!draft.busy && draft.paused === paused) form.requestSubmit(button);
      });
    },
    { capture: true },
  );
  page.defaultView?.addEventListener('online', () => {
    for (const draft of found.values()) if (draft.busy) void draft.flush();
  });
  page.addEventListener('visibilitychange', () => {
    if (page.visibilityState !== 'hidden') return;
    for (const draft of found.values()) if (draft.behind) void draft.flush();
  });
}
