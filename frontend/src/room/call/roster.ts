/**
 * Who is in the call, out of the people of the room. A connection that vanishes without a goodbye is kept for a moment: its
 * socket was cut, sound and picture may still flow, and it comes back under the same name. Guests are not kept, nor is
 * anybody whom the server showed out.
 */
import type { Id, Iso, Person, PersonCall } from '../protocol';

/** How long somebody who was cut is waited for, in ms. */
export const KEPT = 6_000;
/** How long a goodbye counts for more than what the room still says. */
const OUT_FOR = 10_000;

export interface Entry extends PersonCall {
  person: Id;
  name: string;
  discipline: string;
  organisation: Id;
}

export class Roster {
  private known = new Map<Id, Entry>();
  private missing = new Map<Id, number>();
  private readonly out = new Map<Id, { at: number; since: Iso | null }>();

  /** Who is in the call now, those who are waited for among them. */
  meet(people: Person[], at: number): Entry[] {
    const here = new Map<Id, Entry>();
    for (const { id: person, name, discipline, organisation, calls } of people) {
      for (const call of calls ?? []) here.set(call.peer, { ...call, person, name, discipline, organisation });
    }
    for (const [peer, { at: left, since }] of this.out) {
      const entry = here.get(peer);
      // The room says so too by now, or they came again.
      if (!entry || entry.since !== since || at - left >= OUT_FOR) this.out.delete(peer);
      else here.delete(peer);
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
  gone(peers: Id[], at: number): void {
    for (const peer of peers) {
      if (this.known.has(peer)) this.out.set(peer, { at, since: this.known.get(peer)!.since });
      this.known.delete(peer);
      this.missing.delete(peer);
    }
  }

  /** When to look again: somebody has been waited for long enough, or a goodbye is old; null where nothing is due. */
  get until(): number | null {
    const due = [...[...this.missing.values()].map((at) => at + KEPT), ...[...this.out.values()].map(({ at }) => at + OUT_FOR)];
    return due.length ? Math.min(...due) : null;
  }
}
