/**
 * One person's eye on the item that is shown: the case or a page of one of its documents, and how far down. While somebody
 * presents, everybody's eye goes where theirs goes, until one scrolls, turns or opens something oneself: then one looks
 * away, and one key brings one back. A new item on the table brings everybody back.
 */
import type { Id, OtherFrame } from './protocol';
import { Newest, POINTER_RESTS, readSignal, VIEW_AGAIN, type Point, type SignalKind, type View } from './signals';

/** A document that lies in the stage's fragment. */
export interface StageDocument {
  id: Id;
  name: string;
  type: string;
  pages: number;
}

/** What the eye needs to know of the room around it. */
export interface Around {
  readonly me: Id | null;
  readonly presenter: Id | null;
  /** The item that is shown here, and the one on the table. */
  readonly shown: Id | null;
  readonly table: Id | null;
  readonly mayPoint: boolean;
  nameOf(person: Id): string;
  tell(message: object): boolean;
  /** Where the bytes of a document are, for this person. */
  documentUrl(document: Id): string;
}

export interface Pointer extends Point {
  by: Id;
  name: string;
}

export class Eye {
  document = $state<Id | null>(null);
  page = $state(1);
  /** The person looks for themselves although somebody presents. */
  away = $state(false);
  pointing = $state(false);
  pointers = $state.raw<Pointer[]>([]);
  documents = $state.raw<StageDocument[]>([]);
  /** A place to scroll to, as a fraction; a new object each time that it has to be done. */
  target = $state.raw<{ scroll: number }>({ scroll: 0 });
  private theirs = $state.raw<(View & { by: Id; name: string }) | null>(null);

  readonly presenting = $derived.by(() => this.around.presenter !== null && this.around.presenter === this.around.me);
  /** Whom this person could follow. */
  readonly presenter = $derived.by(() => (this.presenting ? null : this.around.presenter));
  readonly presenterName = $derived.by(() => (this.presenter === null ? '' : (this.leading?.name ?? this.around.nameOf(this.presenter))));
  /** What the presenter shows of the item that is shown here. */
  readonly leading = $derived.by(() =>
    this.theirs !== null && this.theirs.by === this.presenter && this.theirs.item === this.around.shown ? this.theirs : null,
  );
  readonly following = $derived.by(() => this.presenter !== null && !this.away && this.around.shown === this.around.table);
  readonly opened = $derived.by(() => this.documents.find((each) => each.id === this.document) ?? null);
  /** The presenter shows a document that this person does not have. */
  readonly withheld = $derived.by(
    () => this.following && this.leading?.document != null && !this.documents.some((each) => each.id === this.leading?.document),
  );

  private scroll = 0;
  private item: Id | null = null;
  private led: Id | null = null;
  private readonly views = new Newest<View>((data) => this.signal('view', data));
  private readonly points = new Newest<Point>((data) => this.signal('point', data));
  private readonly rests = new Map<Id, ReturnType<typeof setTimeout>>();
  private again: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly around: Around) {}

  start(): void {
    this.again = setInterval(() => this.tellView(), VIEW_AGAIN);
  }

  stop(): void {
    clearInterval(this.again);
    this.views.stop();
    this.points.stop();
    for (const timer of this.rests.values()) clearTimeout(timer);
    this.rests.clear();
  }

  urlOf(document: Id): string {
    return this.around.documentUrl(document);
  }

  // What is heard

  hear(frame: OtherFrame): void {
    const signal = readSignal(frame);
    if (!signal || signal.by === this.around.me) return;
    const { by, name } = signal;
    if (signal.kind === 'point') {
      this.showPointer({ by, name, ...signal.data });
      return;
    }
    this.theirs = { by, name, ...signal.data };
    if (this.following) this.goThere();
  }

  /** The room moved on: another item may be shown here, another person may present. */
  settle(): void {
    const { shown, presenter } = this.around;
    const moved = shown !== this.item;
    if (moved) {
      this.item = shown;
      this.documents = [];
      this.show(null, 1, 0);
      this.pointers = [];
    }
    if (moved || presenter !== this.led) this.away = false;
    if (presenter !== this.led) {
      this.led = presenter;
      if (this.theirs?.by !== presenter) this.theirs = null;
      this.tellView();
    } else if (moved) {
      this.tellView();
    }
    if (this.following) this.goThere();
  }

  /** A new line speaks: whoever came meanwhile does not know yet where the presenter is. */
  came(): void {
    this.tellView();
  }

  /** The documents that the fragment of the stage offers. */
  offer(documents: StageDocument[]): void {
    this.documents = documents;
    if (this.document !== null && !documents.some((each) => each.id === this.document)) this.show(null, 1, 0);
    if (this.following) this.goThere();
  }

  private goThere(): void {
    const there = this.leading;
    if (!there) return;
    const offered = there.document === null || this.documents.some((each) => each.id === there.document);
    if (offered) this.show(there.document, there.page, there.scroll);
    else this.show(null, 1, 0);
  }

  private show(document: Id | null, page: number, scroll: number): void {
    this.document = document;
    this.page = page;
    this.scroll = scroll;
    this.target = { scroll };
  }

  // What this person does

  open(document: Id): void {
    this.lookAway();
    this.show(document, 1, 0);
    this.tellView();
  }

  /** Back from a document to the case. */
  shut(): void {
    if (this.document === null) return;
    this.lookAway();
    this.show(null, 1, 0);
    this.tellView();
  }

  turn(page: number, last: number): void {
    const to = Math.min(Math.max(1, page), Math.max(1, last));
    if (to === this.page) return;
    this.lookAway();
    this.show(this.document, to, 0);
    this.tellView();
  }

  /** The surface stands there now; `meant` when this person scrolled it. */
  scrolled(scroll: number, meant: boolean): void {
    if (!this.presenting && !meant) return;
    this.scroll = scroll;
    if (this.presenting) this.tellView();
    else this.lookAway();
  }

  lookAway(): void {
    if (this.presenter !== null) this.away = true;
  }

  back(): void {
    this.away = false;
    if (this.following) this.goThere();
  }

  private tellView(): void {
    const { shown, table } = this.around;
    if (!this.presenting || shown === null || shown !== table) return;
    const tab = this.document === null ? 'case' : 'document';
    this.views.put({ item: shown, tab, document: this.document, page: this.page, scroll: this.scroll });
  }

  // Pointing

  togglePointing(): void {
    if (this.pointing) this.restPointer();
    this.pointing = !this.pointing && this.around.mayPoint;
  }

  pointAt(x: number, y: number): void {
    const item = this.around.shown;
    if (!this.pointing || item === null) return;
    const within = (value: number) => Math.min(1, Math.max(0, value));
    this.points.put({ item, document: this.document, page: this.page, x: within(x), y: within(y), on: true });
  }

  restPointer(): void {
    const item = this.around.shown;
    if (this.pointing && item !== null) this.points.put({ item, document: this.document, page: this.page, x: 0, y: 0, on: false });
  }

  /** The pointers on the surface that is shown. */
  readonly pointersHere = $derived.by(() =>
    this.pointers.filter((each) => each.item === this.around.shown && each.document === this.document && (each.document === null || each.page === this.page)),
  );

  private showPointer(pointer: Pointer): void {
    const others = this.pointers.filter((each) => each.by !== pointer.by);
    clearTimeout(this.rests.get(pointer.by));
    this.rests.delete(pointer.by);
    this.pointers = pointer.on ? [...others, pointer] : others;
    if (!pointer.on) return;
    this.rests.set(
      pointer.by,
      setTimeout(() => (this.pointers = this.pointers.filter((each) => each.by !== pointer.by)), POINTER_RESTS),
    );
  }

  private signal(kind: SignalKind, data: View | Point): void {
    this.around.tell({ do: 'signal', kind, data });
  }
}
