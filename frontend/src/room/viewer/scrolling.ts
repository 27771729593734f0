/** Scrolling that is shared: says where a surface stands and whose doing it was, and goes where it is told. */
import type { Action } from 'svelte/action';

export interface Scrolling {
  /** Where to go; a new object each time that it has to be done. */
  target: { scroll: number };
  onscroll(scroll: number, meant: boolean): void;
}

/** After a wheel, a touch or a key, what scrolls within this time was meant, in ms; momentum prolongs it. */
const MEANT_FOR = 400;
const KEYS = new Set(['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' ']);

export const sharedScrolling: Action<HTMLElement, Scrolling> = (node, options) => {
  let { target, onscroll } = options;
  let meantAt = -Infinity;
  let held = false;

  const range = () => node.scrollHeight - node.clientHeight;
  const go = () => {
    node.scrollTop = Math.round(target.scroll * range());
  };
  const mean = () => (meantAt = performance.now());
  const press = (event: PointerEvent) => {
    // On the bar itself: inside, a press selects text, and what moves then is a wheel or a touch.
    held = event.target === node;
    if (held) mean();
  };
  const release = () => (held = false);
  const key = (event: KeyboardEvent) => {
    if (KEYS.has(event.key)) mean();
  };
  const scrolled = () => {
    const meant = held || performance.now() - meantAt < MEANT_FOR;
    if (meant) mean();
    onscroll(range() > 0 ? Math.min(1, Math.max(0, node.scrollTop / range())) : 0, meant);
  };

  node.addEventListener('wheel', mean, { passive: true });
  node.addEventListener('touchmove', mean, { passive: true });
  node.addEventListener('pointerdown', press);
  node.addEventListener('keydown', key);
  node.addEventListener('scroll', scrolled, { passive: true });
  window.addEventListener('pointerup', release);
  go();
  return {
    update(next) {
      onscroll = next.onscroll;
      if (next.target === target) return;
      target = next.target;
      meantAt = -Infinity;
      go();
    },
    destroy() {
      window.removeEventListener('pointerup', release);
    },
  };
};
