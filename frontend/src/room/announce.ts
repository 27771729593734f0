/** What a screen reader is told when the room changes. */
import type { Id, PersonCall } from './protocol';
import { isParked, type RoomState } from './state';
import { hour } from './time';
import { words } from './words';

/** The sentences for what differs between two states of the room, and for the event `name` where the states do not tell; empty when nothing is worth saying. */
export function announcement(before: RoomState, after: RoomState, name = ''): string {
  const said: string[] = [];
  const [was, is] = [before.room.meeting.state, after.room.meeting.state];
  if (was !== is && is === 'running') said.push(words.meetingStarted());
  if (was !== is && is === 'closed') said.push(words.meetingClosed());
  const rest = after.room.meeting.break ?? null;
  if (rest && rest.since !== before.room.meeting.break?.since) said.push(words.breakUntil(hour(Date.parse(rest.until))));
  if (!rest && before.room.meeting.break && is === 'running') said.push(words.breakOver());
  if (name === 'agenda.step_undone') said.push(words.stepUndone());
  const me = after.you.person;
  if (before.room.people !== after.room.people) said.push(...ofTheCall(before, after));
  if (before.room.items !== after.room.items) {
    const old = new Map(before.room.items.map((item) => [item.id, item]));
    for (const item of after.room.items) {
      const earlier = old.get(item.id);
      if (!earlier || earlier === item) continue;
      if (earlier.decision === null && item.decision) said.push(words.itemRecorded(item.position, item.label));
      if (earlier.state !== item.state && item.state === 'open') said.push(words.itemOpened(item.position, item.label));
      if (earlier.state !== item.state && item.state === 'postponed') said.push(words.itemPostponed(item.position, item.label));
      if (isParked(item) && !isParked(earlier)) said.push(words.itemParked(item.position, item.label));
      if (item.called?.includes(me) && !earlier.called?.includes(me) && item.state === 'scheduled') said.push(words.calledSoon(`${item.position}. ${item.label}`));
      if (item.read_back && item.read_back.round !== earlier.read_back?.round) said.push(words.isReadBack(item.position, item.label));
      if (!item.read_back && earlier.read_back && !item.decision && item.state === 'open') said.push(words.isWrittenAgain(item.position, item.label));
      const voices = earlier.read_back?.round === item.read_back?.round ? (earlier.read_back?.voices ?? []) : [];
      for (const voice of item.read_back?.voices ?? []) {
        const dissented = voices.some((other) => other.person === voice.person && other.kind === 'dissent');
        if (voice.kind === 'dissent' && !dissented) said.push(words.dissents(voice.name));
      }
    }
  }
  return said.join(' ');
}

/** Who came into the call that one is in oneself; and to whoever runs the meeting, whose hand goes up. */
function ofTheCall(before: RoomState, after: RoomState): string[] {
  const calls = ({ room }: RoomState) => new Map(room.people.map((person) => [person.id, person.calls ?? []]));
  const old = calls(before);
  const me = after.you.person;
  const [came, raised]: [string[], string[]] = [[], []];
  for (const { id, name, calls: now = [] } of after.room.people) {
    const was = old.get(id) ?? [];
    if (id === me || !now.length) continue;
    if (!was.length) came.push(name);
    if (hasHand(now) && !hasHand(was)) raised.push(name);
  }
  const inside = (id: Id) => (calls(after).get(id) ?? []).length > 0 && (old.get(id) ?? []).length > 0;
  return [...(came.length && inside(me) ? [words.callJoined(came.join(', '))] : []), ...(after.you.can.includes('run') ? raised.map(words.callRaised) : [])];
}

const hasHand = (calls: PersonCall[]): boolean => calls.some((call) => call.hand);
