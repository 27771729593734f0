/**
 * Who is in the call, out of the people of the room. A connection that vanishes without a goodbye is kept for a moment: its
 * socket was cut, sound and picture may still flow, and it comes back under the same name. Guests are not kept, nor is
 * anybody whom the server showed out.
 */
import type { Id, Person, PersonCall } from '../protocol';

/** How long somebody who was cut is waited for, in ms. */
export const KEPT = 6_000;

export interface Entry extends PersonCall {
  person: Id;
  name: string;
  discipline: string;
  organisation: Id;
}

export class Roster {
  private known = new Map<Id, Entry>();
  private missing = new Map<Id, number>();
  private readonly out = new Set<Id>();

  /** Who is in the call now, those who are waited for among them. */
  meet(people: Person[], at: number): Entry[] {
    const here = new Map<Id, Entry>();
    for (const { id: person, name, discipline, organisation, calls } of people) {
      for (const call of calls ?? []) here.set(call.peer, { ...call, person, name, discipline, organisation });
    }
    for (const peer of [...this.out]) {
      // Shown out, and the room says so too: whoever comes under this name again is let in.
      if (!here.has(peer)) this.out.delete(peer);
      here.delete(peer);
    }
    for (const [peer, entry] of this.known) {
      if (here.has(peer) || entry.guest || this.out.has(peer)) continue;
      const since = this.missing.get(peer) ?? at;
      if (at - since >= KEPT) continue;
      this.missing.set(peer, since);
      here.set(peer, entry);
    }
    for (const peer of [...this.missing.keys()]) {
      if (!here.has(peer) || people.some((person) => person.calls?.some((call) => call.peer === peer))) this.missing.delete(peer);
    }
    this.known = here;
    return [...here.values()].sort((a, b) => (a.since ?? '').localeCompare(b.since ?? '') || (a.peer < b.peer ? -1 : 1));
  }

  /** These said goodbye or were shown out: they are not waited for, whatever the room still says. */
  gone(peers: Id[]): void {
    for (const peer of peers) {
      this.known.delete(peer);
      this.missing.delete(peer);
      this.out.add(peer);
    }
  }

  /** When somebody who is waited for has been waited for long enough; null where nobody is. */
  get until(): number | null {
    return this.missing.size ? Math.min(...this.missing.values()) + KEPT : null;
  }
}
