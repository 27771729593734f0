import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { itemId } from './fixtures.testing';
import { StageLoader } from './stage';
import { Table } from './table.testing';

let table: Table;
let loader: StageLoader;
let asked: string[];
let answers: Map<string, { status: number; body: string; hold?: Promise<void> }>;
let shown: { item: string | null; html: string; status: string }[];

beforeEach(async () => {
  table = new Table();
  asked = [];
  shown = [];
  answers = new Map();
  table.extra = (request, response) => {
    const id = request.url!.slice(1);
    asked.push(id);
    const answer = answers.get(id) ?? { status: 200, body: `case ${id}` };
    void (answer.hold ?? Promise.resolve()).then(() => {
      response.statusCode = answer.status;
      response.end(answer.body);
    });
    return true;
  };
  const port = await table.listen();
  loader = new StageLoader(
    (item) => `http://127.0.0.1:${port}/${item}`,
    () => shown.push({ item: loader.item, html: loader.html, status: loader.status }),
  );
});

afterEach(() => table.close());

const status = (wanted: string) => vi.waitFor(() => expect(loader.status).toBe(wanted), { interval: 5, timeout: 10_000 });
const [A, B] = [itemId(1), itemId(2)];

test('an item is fetched once per version of itself and of its case', async () => {
  loader.show(A, 1, 1);
  await status('ready');
  loader.show(A, 1, 1);
  loader.show(A, 2, 1);
  await vi.waitFor(() => expect(asked.length).toBe(2), { timeout: 10_000 });
  await status('ready');
  loader.show(A, 2, 2);
  await vi.waitFor(() => expect(asked).toEqual([A, A, A]), { timeout: 10_000 });
});

test('one patient is never shown under another’s number', async () => {
  loader.show(A, 1);
  await status('ready');
  loader.show(B, 1);
  expect([loader.item, loader.html, loader.status]).toEqual([B, '', 'loading']);
  await status('ready');
  expect(shown.filter(({ item, html }) => html !== '' && html !== `case ${item}`)).toEqual([]);
});

test('an answer that was overtaken is not shown', async () => {
  let release = () => {};
  answers.set(A, { status: 200, body: 'late', hold: new Promise((resolve) => (release = resolve)) });
  loader.show(A, 1);
  await vi.waitFor(() => expect(asked).toEqual([A]), { timeout: 10_000 });
  loader.show(B, 1);
  release();
  await status('ready');
  expect([loader.item, loader.html]).toEqual([B, `case ${B}`]);
});

test.each([[403], [404]])('%i takes away what was shown', async (code) => {
  loader.show(A, 1);
  await status('ready');
  answers.set(A, { status: code, body: 'secret' });
  loader.show(A, 2);
  await status('refused');
  expect(loader.html).toBe('');
});

test('a server in trouble is asked again', async () => {
  answers.set(A, { status: 503, body: '' });
  loader.show(A, 1);
  await status('unreachable');
  answers.delete(A);
  loader.show(A, 1);
  await status('ready');
  expect(loader.html).toBe(`case ${A}`);
});

test('nobody home', async () => {
  await table.close();
  loader.show(A, 1);
  await status('unreachable');
  table = new Table();
});

test('nothing on the table shows nothing', async () => {
  loader.show(A, 1);
  await status('ready');
  loader.show(null);
  expect([loader.item, loader.html, loader.status]).toEqual([null, '', 'empty']);
});
