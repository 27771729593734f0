// Three pages of real Yjs type in one text, with cuts, pasting, undo, merged and differing updates; written to yjs_sessions.json.
// Again, after an upgrade of Yjs: cd frontend && node ../tests/meetings/yjs_sessions.mjs
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(`${process.cwd()}/package.json`));
const Y = await import(pathToFileURL(require.resolve('yjs')).href);

function session(start) {
  let seed = start;
  const chance = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  const words = ['a', 'bc ', 'é', '😀', 'x\ny', 'een langer stuk tekst ', '👍🏽', 'ER+ '];
  const server = new Y.Doc();
  server.clientID = 1;
  const pages = [11, 12, 13].map((id) => {
    const doc = new Y.Doc();
    doc.clientID = id * 1000 + start;
    const page = { doc, text: doc.getText('text'), queue: [], online: true };
    page.undo = new Y.UndoManager(page.text, { trackedOrigins: new Set(['typed']), captureTimeout: 0 });
    doc.on('update', (update, origin) => origin !== 'heard' && page.queue.push(update));
    return page;
  });
  const sent = [];
  const flush = (page, who) => {
    if (!page.queue.length) return;
    const state = Y.encodeStateVector(server);
    const ways = [
      () => Y.mergeUpdates(page.queue),
      () => Y.encodeStateAsUpdate(page.doc, state),
      () => Y.diffUpdate(Y.mergeUpdates(page.queue), state),
    ];
    const update = ways[Math.floor(chance() * ways.length)]();
    page.queue = [];
    sent.push([who, Buffer.from(update).toString('base64')]);
    Y.applyUpdate(server, update);
  };
  for (let step = 0; step < 260; step += 1) {
    const who = Math.floor(chance() * pages.length);
    const page = pages[who];
    const letters = [...page.text.toString()];
    const at = Math.floor(chance() * (letters.length + 1));
    const before = letters.slice(0, at).join('').length;
    const kind = chance();
    if (kind < 0.25 && letters.length > at) {
      const many = Math.min(letters.length - at, 1 + Math.floor(chance() * 7));
      page.doc.transact(() => page.text.delete(before, letters.slice(at, at + many).join('').length), 'typed');
    } else if (kind < 0.33) page.undo.undo();
    else if (kind < 0.37) page.undo.redo();
    else page.doc.transact(() => page.text.insert(before, words[Math.floor(chance() * words.length)]), 'typed');
    if (chance() < 0.05) page.online = !page.online;
    if (page.online && chance() < 0.4) {
      flush(page, who);
      Y.applyUpdate(page.doc, Y.encodeStateAsUpdate(server, Y.encodeStateVector(page.doc)), 'heard');
    }
  }
  pages.forEach(flush);
  return { sent, text: server.getText('text').toString() };
}

const sessions = [1, 2, 3, 4].map(session);
writeFileSync(new URL('./yjs_sessions.json', import.meta.url), `${JSON.stringify(sessions)}\n`);
