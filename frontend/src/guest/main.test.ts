import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openLink, takeSecret } from './main';

function aPage(): HTMLElement {
  document.body.innerHTML = `
    <div id="page" data-open="/guest/open/" data-offline="No line.">
      <form hidden><input name="csrfmiddlewaretoken" value="first"></form>
      <p data-guest-text>Open the link.</p>
    </div>`;
  return document.getElementById('page')!;
}

const answer = (body: object, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

describe('the link of a guest', () => {
  let page: HTMLElement;
  beforeEach(() => {
    page = aPage();
    window.history.replaceState(null, '', '/guest/');
  });

  it('leaves no secret in the address', () => {
    window.history.replaceState(null, '', '/guest/#secret');
    expect(takeSecret()).toBe('secret');
    expect(window.location.href).not.toContain('secret');
    expect(takeSecret()).toBe('');
  });

  it('is told to the server in a body, not in an address', async () => {
    const goOn = vi.fn();
    const fetched = vi.spyOn(globalThis, 'fetch').mockResolvedValue(answer({}));
    await openLink(page, 'secret', goOn);
    const [url, init] = fetched.mock.calls[0]!;
    expect(url).toBe('/guest/open/');
    expect(init?.method).toBe('POST');
    const body = init?.body as FormData;
    expect([body.get('token'), body.get('csrfmiddlewaretoken')]).toEqual(['secret', 'first']);
    expect(goOn).toHaveBeenCalledOnce();
  });

  it('says why it leads nowhere', async () => {
    const goOn = vi.fn();
    vi.spyOn(globalThis, 'fetch').mockResolvedValue(answer({ message: 'Not valid.' }, 404));
    await openLink(page, 'secret', goOn);
    expect(page.querySelector('[data-guest-text]')!.textContent).toBe('Not valid.');
    expect(goOn).not.toHaveBeenCalled();
  });

  it('says when there is no line', async () => {
    vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('offline'));
    await openLink(page, 'secret', vi.fn());
    expect(page.querySelector('[data-guest-text]')!.textContent).toBe('No line.');
  });

  it('is told once more where another guest had to leave first', async () => {
    const goOn = vi.fn();
    const fetched = vi
      .spyOn(globalThis, 'fetch')
      .mockResolvedValueOnce(answer({ again: true }))
      .mockResolvedValueOnce(new Response('<input name="csrfmiddlewaretoken" value="second">'))
      .mockResolvedValueOnce(answer({}));
    await openLink(page, 'secret', goOn);
    expect((fetched.mock.calls[2]![1]!.body as FormData).get('csrfmiddlewaretoken')).toBe('second');
    expect(goOn).toHaveBeenCalledOnce();
  });
});
