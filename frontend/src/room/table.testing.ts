/**
 * A room server small enough to read: it speaks the wire over real sockets, keeps a journal, answers each
 * command id once, and can be told to misbehave. The page is tested and looked at against it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import type { WebSocket as ServerSocket, WebSocketServer as SocketServer } from 'ws';
import { chairAct, noExtras, type Extras } from './chair.testing';
import { aRoom, CHAIR, MEETING } from './fixtures.testing';
import { TextTable } from './text/table.testing';
import type { Commands, DraftContent, EventFrame, Frame, Id, Item, Patch, RefusalCode, Remark, Room, You } from './protocol';
import { nextItem } from './state';

// Asked for by require: the tests resolve packages as a browser does, and there `ws` is only an error message.
const { WebSocket: ClientSocket, WebSocketServer } = createRequire(import.meta.url)('ws') as typeof import('ws');

/** A real client socket. The one that jsdom lends from Node throws when it meets jsdom's own events. */
export function openSocket(url: string, protocol: string): WebSocket {
  const socket = new ClientSocket(url, protocol);
  socket.on('error', () => {});
  return socket as unknown as WebSocket;
}

interface Command {
  id: Id;
  do: keyof Commands | 'ping' | 'resume';
  args: Record<string, unknown>;
  since?: number;
  seen?: number;
}

export interface Seat {
  socket: ServerSocket;
  you: You;
}

class Refusal extends Error {
  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly current: number | null = null,
  ) {
    super(message);
  }
}

export class Table {
  room: Room;
  seq = 100;
  /** The first sequence that the journal still holds. */
  journal: EventFrame[] = [];
  people: Record<string, You> = { chair: CHAIR };
  drafts = new Map<Id, DraftContent>();
  extras: Extras = noExtras();
  seats: Seat[] = [];
  /** Every command as it arrived, repeats included, with the query of the socket that brought it. */
  heard: Command[] = [];
  /** Queries of the sockets that were opened, e.g. `?since=103`. */
  queries: string[] = [];
  /** Hooks for misbehaving: answer false to keep a frame back. */
  mayPass: (frame: Frame, seat: Seat) => boolean = () => true;
  /** Close code for the next sockets instead of a seat. */
  refuseWith: number | null = null;
  silent = false;
  /** Acknowledge before the events go out: their order is not promised. */
  ackFirst = false;
  now: () => number = Date.now;
  readonly texts = new TextTable((seat, frame) => this.give(seat, frame));
  extra: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;

  private readonly answered = new Map<Id, { text: string; seq: number }>();
  private readonly http: Server;
  private readonly ws: SocketServer;

  constructor(room: Room = aRoom()) {
    this.room = room;
    this.http = createServer((request, response) => this.serve(request, response));
    this.ws = new WebSocketServer({ server: this.http, handleProtocols: (offered) => (offered.has('mdo.room.v1') ? 'mdo.room.v1' : false) });
    this.ws.on('connection', (socket, request) => this.seat(socket, request));
  }

  listen(port = 0): Promise<number> {
    return new Promise((resolve) => this.http.listen(port, '127.0.0.1', () => resolve((this.http.address() as AddressInfo).port)));
  }

  close(): Promise<void> {
    this.ws.clients.forEach((client) => client.terminate());
    this.ws.close();
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(() => resolve()));
  }

  private seat(socket: ServerSocket, request: IncomingMessage): void {
    const url = new URL(request.url ?? '', 'http://table');
    this.queries.push(url.search);
    if (this.refuseWith !== null) {
      socket.close(this.refuseWith);
      return;
    }
    const who = url.pathname.split('/').filter(Boolean).pop() ?? 'chair';
    const seat: Seat = { socket, you: this.people[who] ?? CHAIR };
    this.seats.push(seat);
    socket.on('message', (data) => this.hear(seat, JSON.parse(String(data)) as Command));
    socket.on('close', () => {
      this.seats = this.seats.filter((other) => other !== seat);
      this.texts.left(seat);
    });
    this.catchUp(seat, Number(url.searchParams.get('since') ?? 0));
  }

  private catchUp(seat: Seat, since: number): void {
    const first = this.journal[0]?.seq ?? this.seq + 1;
    if (since > 0 && since <= this.seq && since >= first - 1) {
      for (const event of this.journal) if (event.seq > since) this.give(seat, event);
    } else {
      this.give(seat, { t: 'snapshot', seq: this.seq, now: this.clock(), you: seat.you, room: structuredClone(this.room) });
    }
  }

  private clock(): string {
    return new Date(this.now()).toISOString();
  }

  give(seat: Seat, frame: Frame): void {
    if (!this.silent && this.mayPass(frame, seat)) seat.socket.send(JSON.stringify(frame));
  }

  /** Journal a change and send it to everyone. */
  happen(name: string, patch: Patch, by: Id | null = null): number {
    this.seq += 1;
    const event: EventFrame = { t: 'event', seq: this.seq, at: this.clock(), by, name, data: structuredClone(patch) };
    this.journal.push(event);
    const tell = () => {
      for (const seat of [...this.seats]) this.give(seat, event);
    };
    if (this.ackFirst) setTimeout(tell, 50);
    else tell();
    return this.seq;
  }

  /** Pull every cable. */
  cut(): void {
    for (const { socket } of [...this.seats]) socket.terminate();
  }

  private hear(seat: Seat, command: Command): void {
    if (this.silent) return;
    if (command.do === 'ping') return this.give(seat, { t: 'head', seq: this.seq, now: this.clock() });
    if (command.do === 'resume') return this.catchUp(seat, command.since ?? 0);
    if (command.do.startsWith('text.')) return this.texts.hear(seat, command as unknown as Parameters<TextTable['hear']>[1]);
    this.heard.push(command);
    const text = JSON.stringify([command.do, command.args]);
    const before = this.answered.get(command.id);
    try {
      if (before && before.text !== text) throw new Refusal('id_reused', 'This id was used for something else.');
      const seq = before?.seq ?? this.act(seat, command);
      this.answered.set(command.id, { text, seq });
      this.give(seat, { t: 'ack', id: command.id, seq });
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.give(seat, { t: 'refused', id: command.id, code: refusal.code, message: refusal.message, field: null, current: refusal.current });
    }
  }

  item(id: unknown): Item {
    const found = this.room.items.find((item) => item.id === id);
    if (!found) throw new Refusal('not_found', 'This item is not there.');
    return found;
  }

  draft(id: Id): DraftContent {
    let draft = this.drafts.get(id);
    if (!draft) {
      draft = { version: 0, text: '', intent: null, steps: [], deviation: '', editable: true };
      this.drafts.set(id, draft);
    }
    return draft;
  }

  private fresh(item: Item, version: unknown): void {
    if (item.version !== version) throw new Refusal('stale', 'This changed meanwhile.', item.version);
  }

  private act(seat: Seat, { do: name, args }: Command): number {
    const { meeting, items } = this.room;
    const at = this.clock();
    const by = seat.you.person;
    switch (name) {
      case 'meeting.start':
        if (meeting.state !== 'published') throw new Refusal('rule', 'The meeting has already begun.');
        this.room.meeting = { ...meeting, state: 'running', started_at: at, version: meeting.version + 1 };
        return this.happen('meeting.started', { meeting: this.room.meeting }, by);
      case 'meeting.close':
        this.room.meeting = { ...meeting, state: 'closed', closed_at: at, current: null, version: meeting.version + 1 };
        return this.happen('meeting.closed', { meeting: this.room.meeting }, by);
      case 'agenda.next': {
        if (meeting.current !== (args['from_item'] ?? null)) throw new Refusal('stale', 'The table is at another item already.');
        const open = items.find((item) => item.id === meeting.current);
        if (open?.read_back && meeting.read_back === 'no_objection') {
          this.change(open, { decision: { id: crypto.randomUUID(), state: 'recorded', version: 1 }, read_back: null }, 'decision.recorded', by);
        } else if (open?.kind === 'case' && !open.decision) throw new Refusal('rule', 'Record the recommendation or postpone the case first.');
        return this.open(nextItem(this.room), by);
      }
      case 'agenda.open_item': {
        const item = this.item(args['item']);
        this.fresh(item, args['version']);
        return this.open(item, by);
      }
      case 'agenda.move_item': {
        const item = this.item(args['item']);
        this.fresh(item, args['version']);
        const rest = items.filter((other) => other !== item);
        rest.splice(Number(args['to']) - 1, 0, item);
        this.room.items = rest.map((other, i) => ({ ...other, position: i + 1, version: other === item ? other.version + 1 : other.version }));
        return this.happen('agenda.item_moved', { items: this.room.items }, by);
      }
      case 'agenda.postpone': {
        const item = this.item(args['item']);
        this.fresh(item, args['version']);
        return this.change(item, { state: 'postponed', postponed_reason: String(args['reason']), closed_at: at }, 'agenda.item_postponed', by);
      }
      case 'agenda.add_late':
      case 'agenda.add_topic': {
        const topic = name === 'agenda.add_topic';
        const candidate = this.room.candidates.find((one) => one.referral === args['referral']);
        const added: Item = {
          ...items[0]!,
          id: crypto.randomUUID(),
          position: items.length + 1,
          kind: topic ? 'topic' : 'case',
          label: topic ? String(args['title']) : (candidate?.label ?? '?'),
          minutes: Number(args['minutes']),
          state: 'scheduled',
          late: true,
          opened_at: null,
          closed_at: null,
          spent_s: 0,
          postponed_reason: null,
          version: 1,
          draft: { version: 0 },
          decision: null,
        };
        this.room.items = [...items, added];
        this.room.candidates = this.room.candidates.filter((one) => one !== candidate);
        return this.happen('agenda.item_added', { items: [added], candidates: this.room.candidates }, by);
      }
      case 'draft.save': {
        const item = this.item(args['item']);
        const draft = this.draft(item.id);
        if (item.decision) throw new Refusal('rule', 'This item is recorded.');
        if (item.state !== 'open') throw new Refusal('rule', 'This item is not on the table.');
        if (draft.version !== args['version']) throw new Refusal('stale', 'The text changed meanwhile.', draft.version);
        const { intent, steps, protocol_deviation } = args as unknown as Commands['draft.save'];
        this.drafts.set(item.id, { ...draft, version: draft.version + 1, intent, steps, deviation: protocol_deviation });
        return this.change(item, { draft: { version: draft.version + 1 } }, 'draft.saved', by, false);
      }
      case 'decision.record': {
        const item = this.item(args['item']);
        const draft = this.draft(item.id);
        if (draft.version !== args['version']) throw new Refusal('stale', 'The text changed meanwhile.', draft.version);
        return this.change(item, { decision: { id: crypto.randomUUID(), state: 'recorded', version: 1 }, read_back: null }, 'decision.recorded', by);
      }
      default: {
        const done = chairAct(this, by, name, args, (code, message, current) => {
          throw new Refusal(code, message, current ?? null);
        });
        if (done === null) throw new Refusal('invalid', 'Nothing of that name can be done.');
        return done;
      }
    }
  }

  /** Somebody wrote beside an item. */
  remark(id: Id, remark: Remark): number {
    const list = [...(this.extras.remarks.get(id) ?? []), remark];
    this.extras.remarks.set(id, list);
    const count = (kind: Remark['kind']) => list.filter((each) => each.kind === kind).length;
    return this.change(this.item(id), { talk: { chat: count('chat'), late: count('late') } }, 'remark.made', remark.by, false);
  }

  /** Change one item, tell everyone. */
  change(item: Item, change: Partial<Item>, name: string, by: Id | null = null, counts = true): number {
    const changed = { ...this.item(item.id), ...change };
    if (counts) changed.version += 1;
    this.room.items = this.room.items.map((other) => (other.id === item.id ? changed : other));
    if (change.decision !== undefined || change.read_back !== undefined) this.texts.follow(changed);
    const patch: Patch = { items: [changed] };
    if (changed.state !== 'open' && this.room.meeting.current === item.id) {
      this.room.meeting = { ...this.room.meeting, current: null, version: this.room.meeting.version + 1 };
      patch.meeting = this.room.meeting;
    }
    return this.happen(name, patch, by);
  }

  private open(item: Item | null, by: Id): number {
    const at = this.clock();
    const changed: Item[] = [];
    this.room.items = this.room.items.map((other) => {
      if (other.id === item?.id) {
        const opened: Item = { ...other, state: 'open', parked: false, opened_at: at, closed_at: null, version: other.version + 1 };
        changed.push(opened);
        return opened;
      }
      if (other.state !== 'open') return other;
      const spent_s = other.spent_s + Math.round((this.now() - Date.parse(other.opened_at ?? at)) / 1000);
      const closed: Item = { ...other, state: 'discussed', closed_at: at, spent_s, version: other.version + 1 };
      changed.push(closed);
      return closed;
    });
    this.room.meeting = { ...this.room.meeting, current: item?.id ?? null, version: this.room.meeting.version + 1 };
    return this.happen(item ? 'agenda.item_opened' : 'agenda.item_closed', { meeting: this.room.meeting, items: changed }, by);
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Cache-Control', 'no-store');
    const draft = /^\/meetings\/[^/]+\/items\/([^/]+)\/draft\/(\?|$)/.exec(request.url ?? '');
    const remarks = /^\/meetings\/[^/]+\/items\/([^/]+)\/remarks\/(\?|$)/.exec(request.url ?? '');
    if (draft) {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ ...this.draft(draft[1]!), ...this.texts.plain(draft[1]!), voices: this.extras.voices.get(draft[1]!) ?? [] }));
    } else if (remarks) {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ remarks: this.extras.remarks.get(remarks[1]!) ?? [] }));
    } else if (!this.extra(request, response)) {
      response.statusCode = 404;
      response.end();
    }
  }
}

export { MEETING };
