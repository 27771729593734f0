/** Waiting that ends: by what is waited for, by the clock, or because the test was stopped. */

export class Stopped extends Error {
  constructor() {
    super('stopped');
  }
}

/** Resolves after `ms`; rejects with `Stopped` when the test was stopped. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new Stopped());
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      reject(new Stopped());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** What was waited for; rejects with `Stopped` when the test was stopped before. */
export function unlessStopped<T>(wanted: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new Stopped());
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([wanted, stopped]).finally(() => signal.removeEventListener('abort', stop));
}

/** What was waited for, or `late` after `ms`; rejects with `Stopped` when the test was stopped. */
export function within<T, L>(wanted: Promise<T>, ms: number, late: L, signal: AbortSignal): Promise<T | L> {
  const over = new AbortController();
  const end = (): void => over.abort();
  if (signal.aborted) {
    wanted.catch(() => undefined); // nobody waits for it any more
    return Promise.reject(new Stopped());
  }
  signal.addEventListener('abort', end, { once: true });
  const clock = pause(ms, over.signal).then(() => late);
  return Promise.race([wanted, clock]).finally(() => {
    signal.removeEventListener('abort', end);
    clock.catch(() => undefined);
    over.abort();
  });
}

/** A signal that also fires after `ms`. `end` when it is needed no more. */
export function limited(ms: number, signal: AbortSignal): { signal: AbortSignal; end(): void } {
  const both = new AbortController();
  const stop = (): void => both.abort();
  if (signal.aborted) both.abort();
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(stop, ms);
  return {
    signal: both.signal,
    end: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    },
  };
}
