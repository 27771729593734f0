interface Hit {
  code: string;
  words: string;
}

const PAUSE = 150;
let made = 0;

/** What one may choose: the code, and how it is written in the list. */
interface Offer {
  value: string;
  text: string;
}

/**
 * A list of codes that is searched by words (`select[data-find="topography"]`), or a code that is typed
 * (`input[data-find="morphology"]`): a combobox after the WAI-ARIA practices. The search is the server's, at the form's
 * `data-codes`; without an answer the words of the list itself are searched. The control behind it stays what is sent.
 */
class CodeField {
  private readonly input: HTMLInputElement;
  private readonly list: HTMLUListElement;
  private readonly told: HTMLElement;
  private offers: Offer[] = [];
  private active = -1;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;

  constructor(
    private readonly control: HTMLSelectElement | HTMLInputElement,
    private readonly form: HTMLFormElement,
  ) {
    const page = control.ownerDocument;
    const id = control.id;
    const wrapper = page.createElement('div');
    wrapper.className = 'combo';
    control.replaceWith(wrapper);
    if (control instanceof HTMLSelectElement) {
      this.input = page.createElement('input');
      this.input.type = 'text';
      for (const name of ['aria-describedby', 'aria-invalid']) {
        const value = control.getAttribute(name);
        if (value !== null) this.input.setAttribute(name, value);
      }
      // The label, the links of the errors and the address lead to what is typed in.
      control.id = `${id}_list`;
      control.hidden = true;
      this.input.id = id;
      wrapper.append(this.input, control);
    } else {
      this.input = control;
      wrapper.append(control);
    }
    this.list = page.createElement('ul');
    this.list.id = `codes-${(made += 1)}`;
    this.list.className = 'combo-list';
    this.list.setAttribute('role', 'listbox');
    this.list.setAttribute('aria-label', this.input.labels?.[0]?.textContent?.trim() ?? '');
    this.list.hidden = true;
    this.told = page.createElement('span');
    this.told.className = 'visually-hidden';
    this.told.setAttribute('role', 'status');
    wrapper.append(this.list, this.told);
    const attributes = { role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': this.list.id };
    for (const [name, value] of Object.entries(attributes)) this.input.setAttribute(name, value);
    Object.assign(this.input, { autocomplete: 'off', spellcheck: false, placeholder: form.dataset['codesHint'] ?? '' });
    this.reset();

    this.input.addEventListener('input', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.search(), PAUSE);
    });
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.input.addEventListener('click', () => {
      if (this.list.hidden) this.all();
    });
    this.input.addEventListener('focus', () => this.input.select());
    this.input.addEventListener('blur', () => this.leave());
    // The focus stays in the field while somebody points at the list.
    this.list.addEventListener('pointerdown', (event) => event.preventDefault());
    this.list.addEventListener('click', (event) => {
      const option = (event.target as Element).closest<HTMLElement>('[role=option]');
      if (option) this.choose(Number(option.dataset['place']));
    });
  }

  private get own(): Offer[] {
    if (!(this.control instanceof HTMLSelectElement)) return [];
    return [...this.control.options].filter((each) => each.value).map((each) => ({ value: each.value, text: each.text }));
  }

  private get chosen(): Offer | undefined {
    return this.own.find((each) => each.value === this.control.value);
  }

  /** Show what is chosen. */
  private reset(): void {
    if (this.control instanceof HTMLSelectElement) this.input.value = this.chosen?.text ?? '';
  }

  private all(): void {
    if (!this.own.length) return;
    const chosen = this.chosen;
    this.open(this.own);
    if (chosen) this.walk(this.offers.findIndex((each) => each.value === chosen.value));
  }

  private async search(): Promise<void> {
    const words = this.input.value.trim();
    const turn = (this.asked += 1);
    if (!words) return this.all();
    const found = (await this.ask(words)) ?? this.look(words);
    // An answer that was overtaken by another question, or came after the field was left, says nothing.
    if (turn === this.asked && this.form.ownerDocument.activeElement === this.input) this.open(found);
  }

  private async ask(words: string): Promise<Offer[] | undefined> {
    const token = this.form.querySelector<HTMLInputElement>('input[name=csrfmiddlewaretoken]')?.value ?? '';
    const body = new URLSearchParams({ system: this.control.dataset['find'] ?? '', q: words, csrfmiddlewaretoken: token });
    let hits: Hit[];
    try {
      const answer = await fetch(this.form.dataset['codes'] ?? '', { method: 'POST', body, credentials: 'same-origin', signal: AbortSignal.timeout(5_000) });
      if (!answer.ok || answer.redirected) return undefined;
      ({ hits } = (await answer.json()) as { hits: Hit[] });
    } catch {
      return undefined;
    }
    if (!(this.control instanceof HTMLSelectElement)) return hits.map((hit) => ({ value: hit.code, text: `${hit.code} – ${hit.words}` }));
    const own = new Map(this.own.map((each) => [each.value, each]));
    return hits.flatMap((hit) => own.get(hit.code) ?? []);
  }

  private look(words: string): Offer[] {
    const parts = words.toLocaleLowerCase().split(/\s+/);
    return this.own.filter((each) => parts.every((part) => each.text.toLocaleLowerCase().includes(part)));
  }

  private open(offers: Offer[]): void {
    const page = this.form.ownerDocument;
    this.offers = offers;
    this.list.replaceChildren(
      ...offers.map((offer, place) => {
        const option = page.createElement('li');
        option.id = `${this.list.id}-${place}`;
        option.setAttribute('role', 'option');
        option.setAttribute('aria-selected', 'false');
        option.dataset['place'] = String(place);
        const [code = '', ...words] = offer.text.split(' – ');
        const bold = page.createElement(words.length ? 'b' : 'span');
        bold.textContent = code;
        option.append(bold, words.length ? ` ${words.join(' – ')}` : '');
        return option;
      }),
    );
    if (!offers.length) {
      const none = page.createElement('li');
      none.className = 'combo-none';
      none.setAttribute('role', 'presentation');
      none.textContent = this.form.dataset['codesNone'] ?? '';
      this.list.append(none);
    }
    this.told.textContent = offers.length ? `${this.form.dataset['codesFound'] ?? ''} ${offers.length}` : (this.form.dataset['codesNone'] ?? '');
    this.list.hidden = false;
    this.input.setAttribute('aria-expanded', 'true');
    this.walk(offers.length && this.input.value.trim() ? 0 : -1);
  }

  private close(): void {
    clearTimeout(this.timer);
    this.asked += 1;
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.walk(-1);
  }

  private walk(to: number): void {
    this.active = to;
    this.input.removeAttribute('aria-activedescendant');
    for (const [place, option] of [...this.list.querySelectorAll('[role=option]')].entries()) {
      option.setAttribute('aria-selected', String(place === to));
      if (place !== to) continue;
      this.input.setAttribute('aria-activedescendant', option.id);
      option.scrollIntoView?.({ block: 'nearest' });
    }
  }

  private choose(place: number): void {
    const offer = this.offers[place];
    if (!offer) return;
    this.put(offer.value);
    this.reset();
    this.close();
  }

  private put(value: string): void {
    if (this.control.value === value) return;
    this.control.value = value;
    this.control.dispatchEvent(new Event('change', { bubbles: true }));
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const opened = !this.list.hidden;
    const last = this.offers.length - 1;
    const moves: Record<string, () => void> = {
      ArrowDown: () => (opened ? this.walk(this.active >= last ? 0 : this.active + 1) : this.all()),
      ArrowUp: () => (opened ? this.walk(this.active <= 0 ? last : this.active - 1) : this.all()),
      ...(opened && { Enter: () => this.choose(this.active), Escape: () => (this.reset(), this.close()) }),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }

  private leave(): void {
    if (this.control instanceof HTMLSelectElement) {
      const typed = this.input.value.trim();
      const only = this.own.find((each) => each.value.toUpperCase() === typed.toUpperCase());
      if (!typed) this.put('');
      else if (only) this.put(only.value);
      this.reset();
    }
    this.close();
  }
}

/** Every code of the page is found by words. */
export function codeFields(page: Document): void {
  for (const form of page.querySelectorAll<HTMLFormElement>('form[data-codes]')) {
    for (const control of form.querySelectorAll<HTMLSelectElement | HTMLInputElement>('select[data-find], input[data-find]')) new CodeField(control, form);
  }
}
