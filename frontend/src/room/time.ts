/** Times of the room: the server's clock, how long an item has run, when the rest is expected. */
import { language } from '../i18n';
import type { Item, Room } from './protocol';
import { nextItem, openItem } from './state';

export const ZONE = 'Europe/Brussels';

/**
 * The server's clock seen from here. A frame travels before it is read, so each sample says at least
 * how far the server is ahead; the largest of the last samples is nearest to the truth.
 */
export class ServerClock {
  private samples: number[] = [];

  /** Take note of the server's `now` (ISO 8601) as it arrived at local time `local` (ms). */
  learn(now: string, local: number = Date.now()): void {
    const server = Date.parse(now);
    if (Number.isNaN(server)) return;
    const sample = server - local;
    const last = this.samples[this.samples.length - 1];
    // A jump of seconds is a clock that was set, or a machine that slept: older samples say nothing then.
    if (last !== undefined && Math.abs(sample - last) > 3000) this.samples = [];
    this.samples.push(sample);
    if (this.samples.length > 8) this.samples.shift();
  }

  /** Milliseconds to add to the local clock. */
  get offset(): number {
    return this.samples.length ? Math.max(...this.samples) : 0;
  }

  now(local: number = Date.now()): number {
    return local + this.offset;
  }
}

/** Seconds that an item has been on the table at server time `now` (ms). */
export function spentSeconds(item: Item, now: number): number {
  const running = item.state === 'open' && item.opened_at ? Math.max(0, (now - Date.parse(item.opened_at)) / 1000) : 0;
  return Math.floor(item.spent_s + running);
}

/** Seconds by which an item is past its time; 0 while it is not. */
export function overrunSeconds(item: Item, now: number): number {
  return Math.max(0, spentSeconds(item, now) - item.minutes * 60);
}

/**
 * Milliseconds to add to every forecast time at server time `now`. The forecast hangs on the open item's
 * opening plus its minutes; with none on the table, on the moment at which the next one was expected.
 */
export function forecastShift(room: Room, now: number): number {
  if (room.meeting.state === 'closed' || room.meeting.state === 'cancelled') return 0;
  const open = openItem(room);
  if (open?.opened_at) return Math.max(0, now - Date.parse(open.opened_at) - open.minutes * 60_000);
  const next = nextItem(room);
  const expected = next && room.forecast?.items[next.id];
  return expected ? Math.max(0, now - Date.parse(expected)) : 0;
}

/** `03:12`, `75:00`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language()} ${name}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(language(), { timeZone: ZONE, ...options });
    formats.set(key, found);
  }
  return found;
}

/** `14:31` in the zone of the board. */
export function hour(ms: number): string {
  return format('hour', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(ms);
}

/** `Wed 25 Nov`, always with the weekday. */
export function day(ms: number): string {
  return format('day', { weekday: 'short', day: 'numeric', month: 'short' }).format(ms);
}
