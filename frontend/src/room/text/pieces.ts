/** Updates cut to a size that a frame can carry, and the words in a document that the server does not have. */
import { writeVarUint } from 'lib0/encoding';
import * as Y from 'yjs';

/** Characters per piece of a long insertion. */
const PIECE = 4_000;

const halves = (text: string, at: number) => /[\uD800-\uDBFF]/.test(text[at - 1] ?? '') && /[\uDC00-\uDFFF]/.test(text[at] ?? '');

/** One struct as an update of its own. */
function alone(struct: Y.Item | Y.GC): Uint8Array {
  const encoder = new Y.UpdateEncoderV1();
  const bytes = encoder.restEncoder;
  writeVarUint(bytes, 1);
  writeVarUint(bytes, 1);
  encoder.writeClient(struct.id.client);
  writeVarUint(bytes, struct.id.clock);
  struct.write(encoder, 0);
  // Nothing deleted.
  writeVarUint(bytes, 0);
  return encoder.toUint8Array();
}

function* shortStructs(structs: Iterable<Y.Item | Y.GC | Y.Skip>): Generator<Y.Item | Y.GC> {
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue;
    if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentString) || struct.length <= PIECE) {
      yield struct as Y.Item | Y.GC;
      continue;
    }
    const { id, rightOrigin, parent, parentSub, content } = struct;
    for (let from = 0; from < content.str.length; ) {
      let to = Math.min(content.str.length, from + PIECE);
      if (halves(content.str, to)) to -= 1;
      const origin = from === 0 ? struct.origin : Y.createID(id.client, id.clock + from - 1);
      yield new Y.Item(Y.createID(id.client, id.clock + from), null, origin, null, rightOrigin, parent, parentSub, new Y.ContentString(content.str.slice(from, to)));
      from = to;
    }
  }
}

/**
 * An update as one or more that together do the same, each of at most `most` bytes. What it deletes of the text before goes first,
 * so that a text never grows longer on the way than it was or will be.
 */
export function cut(update: Uint8Array, most: number): Uint8Array[] {
  if (update.length <= most) return [update];
  const parts: Uint8Array[] = [];
  let part: Uint8Array[] = [];
  let size = 0;
  const { structs, ds } = Y.decodeUpdate(update);
  for (const struct of shortStructs(structs)) {
    const piece = alone(struct);
    if (part.length && size + piece.length > most) {
      parts.push(Y.mergeUpdates(part));
      part = [];
      size = 0;
    }
    part.push(piece);
    size += piece.length;
  }
  if (part.length) parts.push(Y.mergeUpdates(part));
  const { from, to } = Y.parseUpdateMeta(update);
  const deletes = Y.diffUpdate(update, Y.encodeStateVector(to));
  if (deletes.length <= 2) return parts;
  const ofBefore = [...ds.clients].every(([client, gone]) => gone.every(({ clock, len }) => clock + len <= (from.get(client) ?? Infinity)));
  return ofBefore ? [deletes, ...parts] : [...parts, deletes];
}

/** How many of the updates, from the first, fit together into `most` bytes; at least one. */
export function fitting(updates: readonly Uint8Array[], most: number): number {
  let size = 0;
  let count = 0;
  for (const update of updates) {
    size += update.length;
    if (count > 0 && size > most) break;
    count += 1;
  }
  return count;
}

/** What stands in a text and is not covered by a state vector, in reading order. */
export function wordsBeyond(text: Y.Text, known: Map<number, number>): string {
  const before = Y.createSnapshot(Y.createDeleteSet(), known);
  const runs: string[] = [];
  let within = false;
  for (const { insert, attributes } of text.toDelta(Y.snapshot(text.doc!), before) as { insert: unknown; attributes?: { ychange?: { type: string } } }[]) {
    const kind = attributes?.ychange?.type;
    if (kind === 'removed' || typeof insert !== 'string') continue;
    if (kind !== 'added') within = false;
    else if (within) runs.push(runs.pop() + insert);
    else {
      runs.push(insert);
      within = true;
    }
  }
  return runs
    .map((run) => run.trim())
    .filter((run) => run)
    .join(' … ');
}
