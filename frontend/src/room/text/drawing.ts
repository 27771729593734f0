/** A text cut where carets and selections begin and end, so that they can be drawn over it. */
import type { Id } from '../protocol';
import type { Caret } from './carets';

export type Part = { kind: 'text'; text: string; by: Id | null } | { kind: 'caret'; caret: Caret };

/** The parts of a text in order; a selection is text that belongs to someone, of two that overlap the later one. */
export function partsOf(text: string, carets: readonly Caret[]): Part[] {
  const within = (at: number) => Math.min(Math.max(0, at), text.length);
  const cuts = new Set([0, text.length]);
  for (const { anchor, head } of carets) cuts.add(within(anchor)).add(within(head));
  const places = [...cuts].sort((a, b) => a - b);
  const parts: Part[] = [];
  places.forEach((at, i) => {
    for (const caret of carets) if (within(caret.head) === at) parts.push({ kind: 'caret', caret });
    const to = places[i + 1];
    if (to === undefined || to === at) return;
    const holders = carets.filter(({ anchor, head }) => at >= Math.min(anchor, head) && to <= Math.max(anchor, head));
    parts.push({ kind: 'text', text: text.slice(at, to), by: holders.pop()?.by ?? null });
  });
  return parts;
}

/** One of eight colours for a person, the same on every page. */
export function colourOf(person: Id): number {
  let sum = 0;
  for (const character of person) sum = (sum * 31 + character.charCodeAt(0)) % 9973;
  return (sum % 8) + 1;
}
