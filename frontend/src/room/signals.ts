/**
 * Signals of the room: what the presenter looks at and where people point. They are never stored; each one replaces the
 * one before it, so the newest counts and whatever lies between may be lost.
 */
import type { Id, OtherFrame } from './protocol';

/** What somebody looks at: the case or a document's page, and how far down (0 at the top, 1 at the end). */
export interface View {
  item: Id;
  tab: 'case' | 'document';
  document: Id | null;
  page: number;
  scroll: number;
}

/** Where somebody points, as fractions of the page of a document or of the case; off: not any more. */
export interface Point {
  item: Id;
  document: Id | null;
  page: number;
  x: number;
  y: number;
  on: boolean;
}

export type Signal = { by: Id; name: string } & ({ kind: 'view'; data: View } | { kind: 'point'; data: Point });
export type SignalKind = Signal['kind'];

/** All in ms. The server takes at most twenty a second; the presenter says again where they are, for whoever came later. */
export const SIGNAL_EVERY = 80;
export const VIEW_AGAIN = 5_000;
export const POINTER_RESTS = 3_000;

const isFraction = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
const isPage = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1;
const isId = (value: unknown): value is Id => typeof value === 'string' && value !== '';

/** The signal in a frame, or null where it is none that can be followed. */
export function readSignal(frame: OtherFrame): Signal | null {
  const { t, kind, by, name, data } = frame as Record<string, unknown>;
  if (t !== 'signal' || !isId(by) || typeof name !== 'string' || typeof data !== 'object' || data === null) return null;
  const { item, tab, document = null, page = 1, scroll, x, y, on } = data as Record<string, unknown>;
  if (!isId(item) || !isPage(page) || !(document === null || isId(document))) return null;
  if (kind === 'view') {
    if (!isFraction(scroll) || (tab !== 'case' && !(tab === 'document' && document !== null))) return null;
    return { kind, by, name, data: { item, tab, document: tab === 'document' ? document : null, page, scroll } };
  }
  if (kind === 'point' && isFraction(x) && isFraction(y) && typeof on === 'boolean') return { kind, by, name, data: { item, document, page, x, y, on } };
  return null;
}

/** Sends the newest of what it is given, at most once in a while. */
export class Newest<T> {
  private waiting: { value: T } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly send: (value: T) => void,
    private readonly every = SIGNAL_EVERY,
  ) {}

  put(value: T): void {
    this.waiting = { value };
    if (this.timer === undefined) this.flush();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = null;
  }

  private flush(): void {
    this.timer = undefined;
    const waiting = this.waiting;
    if (!waiting) return;
    this.waiting = null;
    this.timer = setTimeout(() => this.flush(), this.every);
    this.send(waiting.value);
  }
}
