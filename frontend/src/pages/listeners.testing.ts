import { afterEach, beforeEach, vi } from 'vitest';

/** The listeners that a test puts on document and window end with it, so that the one before does not answer in the next. */
export function ownListeners(): { renew: () => void } {
  let stop = new AbortController();
  beforeEach(() => {
    stop = new AbortController();
    for (const target of [document, window] as EventTarget[]) {
      const add = target.addEventListener.bind(target);
      vi.spyOn(target, 'addEventListener').mockImplementation((name, listener, options) =>
        add(name, listener, { ...(typeof options === 'object' ? options : {}), signal: stop.signal }),
      );
    }
  });
  afterEach(() => {
    stop.abort();
    document.body.innerHTML = '';
  });
  return {
    /** As a reload does: what listened so far is gone. */
    renew: () => {
      stop.abort();
      stop = new AbortController();
    },
  };
}
