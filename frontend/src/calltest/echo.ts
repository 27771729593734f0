/** The socket of the test (meetings/room/call_test.py): echoes, one minute long. Measures the way to this site. */
import { kbps, median, p95 } from './figures';
import { SLOW, type SocketFound } from './steps';
import { Stopped, pause, within } from './waiting';

/** The same bounds as the server's: at most 16 KiB an echo; fewer a second than would close us. */
const LONGEST = 16 * 1024;
const PACE = 20;
const ROUND_TRIPS = 20;
const AT_ONCE = 8;
const LASTS = 2_000;
const ANSWERS_WITHIN = 5_000;
/** What the server says when it closes: mdo's own codes (docs/room-protocol.md). */
const SESSION_ENDED = 4401;
const BUSY = 1013;
const RESTART = 1012;

type Dial = (url: string) => WebSocket;
const byBrowser: Dial = (url) => new WebSocket(url);

class Closed extends Error {
  constructor(readonly code: number, readonly ready: boolean) {
    super(`closed with ${code}`);
  }
}

/** One line to the server. `ask` resolves when its echo is back. */
export class EchoLine {
  private n = 0;
  private ready = false;
  private readonly waiting = new Map<number, (bytes: number) => void>();
  private fail: (error: Closed) => void = () => undefined;
  /** Rejects when the line ends; never resolves. */
  readonly ended = new Promise<never>((_resolve, reject) => {
    this.fail = reject;
  });

  private constructor(private readonly socket: WebSocket) {
    this.ended.catch(() => undefined);
  }

  static async open(url: string, signal: AbortSignal, dial: Dial): Promise<EchoLine> {
    const line = new EchoLine(dial(url));
    const opened = new Promise<boolean>((resolve) => {
      line.socket.onmessage = (event) => line.heard(String(event.data), () => resolve(true));
    });
    line.socket.onclose = (event) => line.fail(new Closed(event.code, line.ready));
    const fine = await within(Promise.race([opened, line.ended]), 10_000, false, signal).catch((error: unknown) => {
      line.close();
      throw error;
    });
    if (!fine) {
      line.close();
      throw new Closed(1006, false);
    }
    return line;
  }

  private heard(text: string, begin: () => void): void {
    const frame = JSON.parse(text) as { t: string; n?: number; data?: string };
    if (frame.t === 'ready') {
      this.ready = true;
      begin();
    } else if (frame.t === 'echo' && frame.n !== undefined) {
      this.waiting.get(frame.n)?.(frame.data?.length ?? 0);
      this.waiting.delete(frame.n);
    }
  }

  /** The number of bytes that came back. */
  ask(data: string, back: number): Promise<number> {
    const n = (this.n += 1);
    const answer = new Promise<number>((resolve) => this.waiting.set(n, resolve));
    this.socket.send(JSON.stringify({ do: 'echo', n, data, back }));
    return Promise.race([answer, this.ended]);
  }

  close(): void {
    this.socket.close(1000);
  }
}

/** Twenty round trips, one after another. */
export async function trySocket(url: string, signal: AbortSignal, dial = byBrowser): Promise<SocketFound> {
  const times: number[] = [];
  let line: EchoLine | null = null;
  try {
    line = await EchoLine.open(url, signal, dial);
    for (let n = 0; n < ROUND_TRIPS; n += 1) {
      const from = performance.now();
      const back = await within(line.ask('', 0).then(() => true), ANSWERS_WITHIN, false, signal);
      if (!back) return { grade: 'failed', why: 'cut', median: median(times), p95: p95(times), close: null };
      times.push(performance.now() - from);
      await pause(PACE * 2, signal);
    }
    const slow = (p95(times) ?? 0) > SLOW;
    return { grade: slow ? 'weak' : 'good', why: slow ? 'slow' : 'ok', median: median(times), p95: p95(times), close: null };
  } catch (error) {
    if (!(error instanceof Closed)) throw error;
    return { grade: 'failed', why: whyClosed(error.code, error.ready), median: median(times), p95: p95(times), close: error.code };
  } finally {
    line?.close();
  }
}

function whyClosed(code: number, ready: boolean): SocketFound['why'] {
  if (code === SESSION_ENDED) return 'session';
  if (code === BUSY) return 'busy';
  if (code === RESTART) return 'restart';
  return ready ? 'cut' : 'blocked';
}

export interface Rates {
  up: number | null; // kbit/s
  down: number | null;
}

/** How much goes to the server, and how much comes from it, in two seconds each. */
export async function socketRates(url: string, signal: AbortSignal, dial = byBrowser): Promise<Rates> {
  let line: EchoLine | null = null;
  try {
    line = await EchoLine.open(url, signal, dial);
    const filling = randomText(LONGEST);
    const up = await flood(line, filling, 0, LONGEST, signal);
    const down = await flood(line, '', LONGEST, LONGEST, signal);
    return { up, down };
  } catch (error) {
    if (error instanceof Stopped) throw error;
    return { up: null, down: null };
  } finally {
    line?.close();
  }
}

/** Random, so that nothing on the way makes it shorter than it is. */
function randomText(length: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => letters[byte & 63]).join('');
}

/** Keep some echoes on their way, more as they come back, and count what arrived by when. */
async function flood(line: EchoLine, data: string, back: number, bytes: number, signal: AbortSignal): Promise<number | null> {
  const from = performance.now();
  let [arrived, last, open, room] = [0, from, 0, 1];
  let failed: unknown = null;
  const under: Promise<void>[] = [];
  while (performance.now() - from < LASTS && !failed) {
    if (open < room) {
      open += 1;
      under.push(
        line.ask(data, back).then(
          () => {
            open -= 1;
            arrived += bytes;
            last = performance.now();
            room = Math.min(AT_ONCE, room + 1);
          },
          (error: unknown) => {
            failed = error;
          },
        ),
      );
    }
    await pause(PACE, signal);
  }
  await within(Promise.all(under), ANSWERS_WITHIN, undefined, signal);
  if (failed) throw failed;
  return kbps(arrived, last - from);
}
