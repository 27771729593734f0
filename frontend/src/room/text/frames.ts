/** The wire of texts that are typed together: what its frames hold. Bytes are base64 of Yjs' first encoding. */
import type { Id, OtherFrame } from '../protocol';

export type Field = 'discussion' | 'recommendation';
export const FIELDS: readonly Field[] = ['discussion', 'recommendation'];

/** As many characters as a text may hold, and bytes as one update may have so that its frame is read (64 KiB). */
export const LONGEST_TEXT = 20_000;
export const LONGEST_UPDATE = 40_000;

export type TextRefusal = 'frozen' | 'forbidden' | 'not_found' | 'too_long' | 'invalid' | 'unavailable' | 'too_fast';

interface About {
  item: Id;
  field: Field;
}

/** Answer to `text.join`: what the asker lacked, and how far the server is. */
export interface TextState extends About {
  t: 'text.state';
  n: number;
  frozen: boolean;
  editable: boolean;
  data: string;
  sv: string;
}

export interface TextUpdate extends About {
  t: 'text.update';
  n: number;
  data: string;
  by: Id;
}

export interface TextSaved extends About {
  t: 'text.saved';
  id: Id;
  n: number;
}

export interface TextRefused extends About {
  t: 'text.refused';
  /** Of the update that is refused; of none where a text may not be joined. */
  id?: Id | null;
  code: TextRefusal;
  message: string;
}

export interface TextCaret extends About {
  t: 'text.caret';
  by: Id;
  name: string;
  data: string;
}

export interface TextFrozen extends About {
  t: 'text.frozen';
  frozen: boolean;
  n: number;
}

export type TextFrame = TextState | TextUpdate | TextSaved | TextRefused | TextCaret | TextFrozen;

export const TEXT_FRAMES: readonly TextFrame['t'][] = ['text.state', 'text.update', 'text.saved', 'text.refused', 'text.caret', 'text.frozen'];

/** A frame about a text, or null for one that does not say which. */
export function readTextFrame(frame: OtherFrame): TextFrame | null {
  const { t, item, field } = frame as Partial<TextFrame>;
  return t && TEXT_FRAMES.includes(t) && typeof item === 'string' && field && FIELDS.includes(field) ? (frame as unknown as TextFrame) : null;
}
