/**
 * Commands on their way. Each keeps its id until the server has answered it, so sending it again
 * after a cut cannot do it twice.
 */
import { newId } from './ids';
import { words } from './words';
import type { CommandName, Commands, Id, RefusalCode } from './protocol';

export type Outcome =
  | { ok: true; seq: number }
  /** `not_sent`: it never left this page, so nothing was changed. */
  | { ok: false; code: RefusalCode | 'not_sent'; message: string; field: string | null; current: number | null };

export interface SendOptions {
  /** Wait for the connection as long as it takes; else a command that could not leave within `PATIENCE` is dropped. */
  keep?: boolean;
}

interface Entry {
  id: Id;
  text: string;
  madeAt: number;
  keep: boolean;
  /** When it was last written to a socket; null while it never was. */
  sentAt: number | null;
  /** The socket it was last written to. */
  socket: object | null;
  /** How often it was written. */
  tries: number;
  resolve: (outcome: Outcome) => void;
}

/** How long a chair's key waits for a connection, in ms: after that the room may look different. */
export const PATIENCE = 10_000;
/** After this long without an answer on a live connection the command is sent again, in ms. */
export const ANSWER_WITHIN = 8_000;

/** A command that so many sendings brought no answer to is given up: it might be what the server stumbles over. */
export const MOST_TRIES = 6;
/** The longest frame that the server reads, in bytes. */
export const LONGEST_FRAME = 64 * 1024;

const HALF_CHARACTER = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** JSON that the server can read: a NUL or half a character, which a paste can bring, would be refused with all the rest. */
export function readable(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'string' ? part.replaceAll('\0', '').replace(HALF_CHARACTER, '\uFFFD') : part));
}

const refusal = (code: RefusalCode, message: string): Outcome => ({ ok: false, code, message, field: null, current: null });
const notSent: Outcome = { ok: false, code: 'not_sent', message: '', field: null, current: null };

export class Outbox {
  private entries: Entry[] = [];

  get size(): number {
    return this.entries.length;
  }

  /** Put a command in; the promise is settled by the server's answer and never rejects. */
  put<Name extends CommandName>(name: Name, args: Commands[Name], options: SendOptions = {}): Promise<Outcome> {
    const id = newId();
    const text = readable({ id, do: name, args });
    if (new TextEncoder().encode(text).length > LONGEST_FRAME) return Promise.resolve(refusal('invalid', words.tooLong()));
    return new Promise((resolve) => {
      this.entries.push({
        id,
        text,
        madeAt: Date.now(),
        keep: options.keep ?? false,
        sentAt: null,
        socket: null,
        tries: 0,
        resolve,
      });
    });
  }

  /** Write what this socket has not been given yet, and what it has not answered in time. */
  flush(socket: { send(text: string): void }): void {
    this.dropOverdue();
    const now = Date.now();
    const due = (entry: Entry) => entry.socket !== socket || now - (entry.sentAt ?? 0) >= ANSWER_WITHIN;
    this.settle((entry) => entry.tries >= MOST_TRIES && due(entry), refusal('unavailable', words.noAnswer()));
    for (const entry of this.entries) {
      if (!due(entry)) continue;
      entry.tries += 1;
      entry.socket = socket;
      entry.sentAt = now;
      socket.send(entry.text);
    }
  }

  /** Settle commands that never left and have waited too long. What was sent may have happened: it stays. */
  dropOverdue(): void {
    const now = Date.now();
    this.settle((entry) => entry.sentAt === null && !entry.keep && now - entry.madeAt > PATIENCE, notSent);
  }

  /** The server's answer to a command; false when the id is not one of ours. */
  answer(id: Id, outcome: Outcome): boolean {
    return this.settle((entry) => entry.id === id, outcome) > 0;
  }

  /** Settle everything: this page will not connect again by itself. */
  giveUp(): void {
    this.settle(() => true, notSent);
  }

  private settle(which: (entry: Entry) => boolean, outcome: Outcome): number {
    const settled = this.entries.filter(which);
    if (settled.length) {
      this.entries = this.entries.filter((entry) => !settled.includes(entry));
      for (const entry of settled) entry.resolve(outcome);
    }
    return settled.length;
  }
}
