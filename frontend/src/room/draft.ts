/**
 * The structured part of one item's recommendation as it is filled in (steps, intent, what is agreed beside them): what the
 * server holds, what was entered here and has not reached it yet, and the way from one to the other. What was
 * entered leaves only when it is saved or when the person says so; a cut or a refusal never takes it.
 * The running text is typed together and has its own way (text/session.ts).
 */
import type { Outcome, SendOptions } from './outbox';
import type { AgreedHere, Commands, DraftContent, Id, Step } from './protocol';

export interface Written {
  intent: string | null;
  steps: Step[];
  deviation: string;
  agreed: AgreedHere;
}

/** What a save carries. */
export type Saving = Pick<Commands['draft.save'], 'item' | 'version' | 'intent' | 'steps' | 'protocol_deviation' | 'agreed'>;

export type SaveState = 'saved' | 'saving' | 'unsaved' | 'conflict';

export interface DraftLine {
  /** The draft as the server holds it now; rejects when it cannot be had. */
  fetch(item: Id): Promise<DraftContent>;
  save(args: Saving, options: SendOptions): Promise<Outcome>;
  /** Something to show has changed. */
  changed(): void;
}

/** All in ms: typing pauses, the longest stretch of typing between two saves, the wait after a busy server. */
export const QUIET = 800;
export const LONGEST_UNSAVED = 3_000;
export const RETRY = 3_000;

const NOTHING: AgreedHere = { guideline: '', trial: '', trial_name: '', informs: '', informs_who: '', actions: [] };

export const EMPTY: Written = { intent: null, steps: [], deviation: '', agreed: NOTHING };

/** As it travels: the names are the server's. */
const bare = ({ actions, ...rest }: AgreedHere) => ({ ...rest, actions: actions.map(({ id, text, owner, due }) => ({ id, text, owner, due })) });

const sameAgreed = (a: AgreedHere, b: AgreedHere): boolean =>
  a.guideline === b.guideline &&
  a.trial === b.trial &&
  a.trial_name === b.trial_name &&
  a.informs === b.informs &&
  a.informs_who === b.informs_who &&
  JSON.stringify(bare(a).actions) === JSON.stringify(bare(b).actions);

export const written = (content: DraftContent): Written => ({
  intent: content.intent || null,
  steps: (content.steps ?? []).map(({ kind, text }) => ({ kind, text })),
  deviation: content.deviation ?? '',
  agreed: { ...NOTHING, ...content.agreed },
});

export function sameWritten(a: Written, b: Written): boolean {
  return (
    a.intent === b.intent &&
    a.deviation === b.deviation &&
    sameAgreed(a.agreed, b.agreed) &&
    a.steps.length === b.steps.length &&
    a.steps.every((step, i) => step.kind === b.steps[i]!.kind && step.text === b.steps[i]!.text)
  );
}

export class DraftEditor {
  /** What the server holds, as last seen. */
  server: Written = EMPTY;
  version = 0;
  /** The whole answer of the last fetch; its texts are those of that moment. */
  content: DraftContent | null = null;
  loaded = false;
  /** The draft could not be fetched; it is asked for again when the line is back. */
  unreachable = false;
  /** May this person write into this very item, as the server said; true until it has said otherwise. */
  editable = true;
  /** What was typed here and the server does not have; null when there is nothing of the kind. */
  mine: Written | null = null;
  saving = false;
  conflict = false;
  /** Why the last save was refused, as the server said it. */
  problem = '';
  /** The state of the room lets this person write into the item now. */
  private allowed = false;

  private base: Written = EMPTY;
  private baseVersion = 0;
  /** What was last sent: it may have arrived although its answer did not. */
  private sent: Written | null = null;
  private seenVersion = 0;
  private seenItem = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private firstUnsavedAt: number | null = null;
  private loading: Promise<void> | null = null;

  constructor(
    readonly item: Id,
    private readonly line: DraftLine,
  ) {}

  /** May this page write into the item now. */
  get writable(): boolean {
    return this.allowed && this.editable;
  }

  /** What the fields show: one's own words while they can be written, else the server's. */
  get shown(): Written {
    return this.writable && this.mine ? this.mine : this.server;
  }

  /** One's own words that the fields do not show. */
  get leftover(): Written | null {
    return this.writable ? null : this.mine;
  }

  get saveState(): SaveState {
    if (this.conflict) return 'conflict';
    if (this.mine === null) return 'saved';
    return this.saving && !this.problem ? 'saving' : 'unsaved';
  }

  /** Tell what frames say about the item: the version of its draft, of itself, and whether it can be written here. */
  meet(version: number, writable: boolean, itemVersion = 0): void {
    const turned = this.loaded && itemVersion !== this.seenItem;
    const could = this.writable;
    this.allowed = writable;
    this.seenVersion = version;
    this.seenItem = itemVersion;
    // An item that was opened, closed or moved may be written by others than before.
    if (turned) this.editable = true;
    const gained = this.writable && !could;
    if (turned && this.loading) void this.loading.then(() => this.load());
    else if (!this.loaded || ((turned || version > this.version) && !this.saving)) void this.load();
    else if (gained && this.mine) this.schedule(0);
    this.line.changed();
  }

  /** Fetch what the server holds. */
  load(): Promise<void> {
    this.loading ??= this.fetchOnce().finally(() => {
      this.loading = null;
      this.line.changed();
    });
    return this.loading;
  }

  private async fetchOnce(): Promise<void> {
    let content: DraftContent;
    try {
      content = await this.line.fetch(this.item);
    } catch {
      this.unreachable = true;
      return;
    }
    this.unreachable = false;
    this.editable = content.editable;
    this.content = content;
    // An answer that was overtaken by our own save says nothing new.
    if (this.loaded && content.version < this.version) return;
    this.server = written(content);
    this.version = content.version;
    this.loaded = true;
    if (this.mine && !this.saving) this.compare();
  }

  /** Own words against what the server holds now. */
  private compare(): void {
    if (!this.mine) return;
    if (sameWritten(this.server, this.mine)) {
      this.clean();
    } else if (
      this.baseVersion === this.version ||
      sameWritten(this.server, this.base) ||
      (this.sent && sameWritten(this.server, this.sent))
    ) {
      this.base = this.server;
      this.baseVersion = this.version;
      this.conflict = false;
      if (this.writable) this.schedule(QUIET);
    } else {
      this.conflict = true;
    }
  }

  private clean(): void {
    this.mine = null;
    this.conflict = false;
    this.problem = '';
    this.firstUnsavedAt = null;
    clearTimeout(this.timer);
  }

  /** Something was typed. */
  edit(change: Partial<Written>): void {
    if (!this.writable) return;
    if (this.mine === null && !this.saving) {
      this.base = this.server;
      this.baseVersion = this.version;
    }
    this.mine = { ...(this.mine ?? this.server), ...change };
    this.problem = '';
    if (!this.saving && !this.conflict && sameWritten(this.mine, this.server)) this.clean();
    else {
      this.firstUnsavedAt ??= Date.now();
      this.schedule(Math.min(QUIET, Math.max(0, this.firstUnsavedAt + LONGEST_UNSAVED - Date.now())));
    }
    this.line.changed();
  }

  private schedule(wait: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.save(), wait);
  }

  /** Save now; settled when the server has answered. True when the server holds all that was typed. */
  async save(): Promise<boolean> {
    clearTimeout(this.timer);
    if (this.mine === null) return true;
    if (this.saving || this.conflict || !this.writable) return false;
    const sent = this.mine;
    const version = this.baseVersion;
    this.saving = true;
    this.sent = sent;
    this.problem = '';
    this.firstUnsavedAt = null;
    this.line.changed();
    const { deviation, agreed, ...rest } = sent;
    const outcome = await this.line.save(
      { item: this.item, version, ...rest, protocol_deviation: deviation, agreed: bare(agreed) },
      { keep: true },
    );
    this.saving = false;
    if (outcome.ok) this.accepted(sent, version + 1);
    else await this.refused(outcome);
    this.line.changed();
    return this.mine === null;
  }

  private accepted(sent: Written, version: number): void {
    this.server = this.base = sent;
    this.version = this.baseVersion = version;
    if (this.mine === sent || (this.mine && sameWritten(this.mine, sent))) this.clean();
    else if (this.mine) this.schedule(QUIET);
    if (this.seenVersion > this.version) void this.load();
  }

  private async refused(outcome: Outcome & { ok: false }): Promise<void> {
    if (outcome.code === 'stale') {
      // Another version is there: the same words under a new number are no quarrel, other words are.
      this.loading = null;
      await this.load();
      if (this.unreachable) this.schedule(RETRY);
    } else {
      this.problem = outcome.message;
      if (outcome.code === 'too_fast' || outcome.code === 'unavailable') this.schedule(RETRY);
    }
  }

  /** The line is back: what could not be fetched or saved is tried again. */
  again(): void {
    if (this.unreachable || !this.loaded || this.seenVersion > this.version) void this.load();
    else if (this.mine && !this.saving) this.schedule(0);
  }

  /** In a conflict: put one's own words in place of the other's. */
  keepMine(): void {
    this.base = this.server;
    this.baseVersion = this.version;
    this.conflict = false;
    this.schedule(0);
    this.line.changed();
  }

  /** Let one's own words go, knowingly. */
  discardMine(): void {
    this.clean();
    this.line.changed();
  }

  dispose(): void {
    clearTimeout(this.timer);
  }
}
