/** A made-up breast board of three hospitals: nobody in it exists. */
import type { Item, Person, Room, You } from './protocol';

export const MEETING = '0190b000-0000-7000-8000-0000000000aa';
const id = (kind: string, n: number) => `0190b000-0000-7000-8000-${kind}${String(n).padStart(10, '0')}`;
export const itemId = (n: number) => id('a0', n);
export const personId = (n: number) => id('b0', n);
export const organisationId = (n: number) => id('c0', n);

export function anItem(n: number, change: Partial<Item> = {}): Item {
  return {
    id: itemId(n),
    position: n,
    kind: 'case',
    label: `A.B. ${1950 + n}`,
    organisation: organisationId(1 + (n % 3)),
    requester: `dr. R. Aanvrager ${n}`,
    minutes: 6,
    state: 'scheduled',
    late: false,
    opened_at: null,
    closed_at: null,
    spent_s: 0,
    postponed_reason: null,
    version: 1,
    draft: { version: 0 },
    decision: null,
    ...change,
  };
}

export function aPerson(n: number, change: Partial<Person> = {}): Person {
  return {
    id: personId(n),
    name: `dr. P. Persoon ${n}`,
    discipline: 'Medische oncologie',
    organisation: organisationId(1 + (n % 3)),
    role: 'member',
    present: true,
    means: 'video',
    since: null,
    ...change,
  };
}

export function aRoom(change: Partial<Room> = {}): Room {
  return {
    meeting: {
      id: MEETING,
      board: 'MOC borstkliniek netwerk Zilverberk',
      starts_at: '2026-11-25T13:00:00Z',
      ends_at: '2026-11-25T14:30:00Z',
      state: 'published',
      started_at: null,
      closed_at: null,
      current: null,
      version: 1,
    },
    organisations: {
      [organisationId(1)]: { name: 'AZ Zilverberk', short: 'ZB', colour: 1 },
      [organisationId(2)]: { name: 'Algemeen Stedelijk Ziekenhuis Oostkanaal', short: 'ASO', colour: 2 },
      [organisationId(3)]: { name: 'Sint-Lievenskliniek', short: 'SLK', colour: 3 },
    },
    items: [1, 2, 3, 4, 5].map((n) => anItem(n)),
    people: [1, 2, 3].map((n) => aPerson(n)),
    forecast: { end: '2026-11-25T13:30:00Z', items: {} },
    quorum: { met: true, have: 5, need: 4, reasons: [], billing: { met: true, have: 4, need: 4, reasons: [] } },
    reasons: {
      imaging_missing: 'Beeldvorming ontbreekt',
      pathology_missing: 'Anatomopathologisch verslag ontbreekt',
      result_missing: 'Ander resultaat ontbreekt',
      requester_absent: 'Aanvrager afwezig',
      discipline_absent: 'Discipline afwezig',
      no_quorum: 'Geen quorum',
      out_of_time: 'Tijd tekort',
      condition: 'Toestand van de patiënt',
      withdrawn: 'Ingetrokken',
      other: 'Andere reden',
    },
    steps: {
      surgery: 'Heelkunde',
      radiotherapy: 'Radiotherapie',
      chemo: 'Chemotherapie',
      endocrine: 'Endocriene therapie',
      further_examination: 'Bijkomend onderzoek',
      surveillance: 'Opvolging',
    },
    intents: { curative: 'Curatief', palliative: 'Palliatief', diagnostic: 'Diagnostisch' },
    sittings: [{ id: id('e0', 1), starts_at: '2026-12-02T13:00:00Z' }],
    guests: [],
    walls: [],
    slot: null,
    disciplines: { oncology: 'Medische oncologie', radiology: 'Radiologie', pathology: 'Anatomopathologie', surgery: 'Heelkunde' },
    candidates: [{ referral: id('d0', 1), label: 'L.W. 1958', organisation: organisationId(2) }],
    ...change,
  };
}

export const CHAIR: You = {
  person: personId(1),
  name: 'dr. P. Persoon 1',
  organisation: organisationId(1),
  roles: ['chair'],
  can: ['run', 'postpone', 'reorder', 'add_late', 'draft', 'record', 'close', 'sign', 'share', 'read_back', 'invite'],
  guest: false,
};

export const MEMBER: You = { ...CHAIR, person: personId(2), name: 'dr. P. Persoon 2', roles: ['member'], can: ['draft', 'share', 'read_back'] };
