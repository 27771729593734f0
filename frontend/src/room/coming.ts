/** Commands that the server's half does not offer yet; goes when they are generated. */
export {};

declare module './commands.generated' {
  interface Commands {
    'agenda.park': { item: Id; version: number };
    'agenda.unpark': { item: Id; version: number };
    'agenda.undo': Record<string, never>;
    'meeting.take_break': { minutes: number };
    'meeting.end_break': Record<string, never>;
    'meeting.hand_over': { person: Id };
    'meeting.take_back': Record<string, never>;
    'meeting.delegate_recording': { person: Id; allowed: boolean };
    'meeting.present': { person: Id | null };
    'agenda.mark_protocol': { item: Id; version: number; protocol: string };
    'decision.record_protocol': { items: Id[] };
    'readback.begin': { item: Id; version: number; text: number };
    'readback.confirm': { item: Id; round: number };
    'readback.dissent': { item: Id; round: number; reason: string };
    'readback.withdraw': { item: Id };
    'decision.reopen': { item: Id };
    'remark.say': { item: Id; text: string };
    'remark.late': { item: Id; text: string };
    'presence.beside': { name: string; discipline: string; person: Id | null };
    'presence.beside_leave': { id: Id };
    'guest.eject': { guest: Id };
  }
}
