type Theme = 'light' | 'dark';

const YEAR = 31_536_000;

function chosen(page: Document): Theme | undefined {
  const theme = page.documentElement.dataset['theme'];
  return theme === 'light' || theme === 'dark' ? theme : undefined;
}

/** The theme that is seen now: the chosen one, else the system's. */
export function shown(page: Document): Theme {
  return chosen(page) ?? (page.defaultView?.matchMedia?.('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
}

/** Show a theme and remember it in a cookie, from which the server draws the next page without a flash; undefined follows the system. */
export function choose(page: Document, theme: Theme | undefined): void {
  if (theme) page.documentElement.dataset['theme'] = theme;
  else delete page.documentElement.dataset['theme'];
  const secure = page.location.protocol === 'https:' ? '; Secure' : '';
  page.cookie = `theme=${theme ?? ''}; Path=/; Max-Age=${theme ? YEAR : 0}; SameSite=Lax${secure}`;
  for (const select of page.querySelectorAll<HTMLSelectElement>('[data-theme-choice]')) select.value = theme ?? '';
}

export function themeSwitch(page: Document): void {
  for (const hidden of page.querySelectorAll<HTMLElement>('[data-theme-switch], [data-theme-row]')) hidden.hidden = false;
  for (const select of page.querySelectorAll<HTMLSelectElement>('[data-theme-choice]')) {
    select.value = chosen(page) ?? '';
    select.addEventListener('change', () => choose(page, select.value === 'light' || select.value === 'dark' ? select.value : undefined));
  }
  for (const button of page.querySelectorAll<HTMLElement>('[data-theme-switch]')) {
    button.addEventListener('click', () => choose(page, shown(page) === 'dark' ? 'light' : 'dark'));
  }
}
