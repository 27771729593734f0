/** What a screen reader is told when the room changes. */
import type { RoomState } from './state';
import { words } from './words';

/** The sentences for what differs between two states of the room; empty when nothing worth saying does. */
export function announcement(before: RoomState, after: RoomState): string {
  const said: string[] = [];
  const [was, is] = [before.room.meeting.state, after.room.meeting.state];
  if (was !== is && is === 'running') said.push(words.meetingStarted());
  if (was !== is && is === 'closed') said.push(words.meetingClosed());
  if (before.room.items !== after.room.items) {
    const old = new Map(before.room.items.map((item) => [item.id, item]));
    for (const item of after.room.items) {
      const earlier = old.get(item.id);
      if (!earlier || earlier === item) continue;
      if (earlier.decision === null && item.decision) said.push(words.itemRecorded(item.position, item.label));
      if (earlier.state !== item.state && item.state === 'open') said.push(words.itemOpened(item.position, item.label));
      if (earlier.state !== item.state && item.state === 'postponed') said.push(words.itemPostponed(item.position, item.label));
    }
  }
  return said.join(' ');
}
