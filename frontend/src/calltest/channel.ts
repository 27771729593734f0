/**
 * How much goes through the relay, and how much of it gets lost. First at the pace of a voice, packets that are not sent again: loss
 * and delay. Then as much as fits. Ends after five seconds and twenty megabytes at the latest.
 *
 * Both ends are in this page, so everything goes out over this line and comes back over it.
 */
import { kbps, median, p95 } from './figures';
import type { Pair } from './relay';
import { pause, within } from './waiting';

/** A packet every 20 ms, as long as one of Opus: what a call sends of a voice (RFC 6716 §2.1.4). */
const PACE = 20;
const PACKETS = 100;
const PACKET = 160;
const LATE = 500;

const LASTS = 2_500;
const AT_MOST = 20_000_000;
const CHUNK = 8 * 1024;
const BUFFER = 512 * 1024;

export interface Line {
  kbps: number | null;
  loss: number | null;
  median: number | null;
  p95: number | null;
}

interface Ends {
  near: RTCDataChannel;
  far: RTCDataChannel;
}

async function channel(pair: Pair, name: string, options: RTCDataChannelInit, signal: AbortSignal): Promise<Ends | null> {
  const arrived = new Promise<RTCDataChannel>((resolve) => {
    pair.far.ondatachannel = (event) => {
      if (event.channel.label === name) resolve(event.channel);
    };
  });
  const near = pair.near.createDataChannel(name, options);
  const open = near.readyState === 'open' ? Promise.resolve() : new Promise<void>((resolve) => near.addEventListener('open', () => resolve(), { once: true }));
  const far = await within(open.then(() => arrived), 3_000, null, signal);
  return far && { near, far };
}

export async function measure(pair: Pair, signal: AbortSignal): Promise<Line> {
  const voice = await channel(pair, 'voice', { ordered: false, maxRetransmits: 0 }, signal);
  if (!voice) return { kbps: null, loss: null, median: null, p95: null };
  const delays = await speak(voice, signal);
  const bulk = await channel(pair, 'bulk', { ordered: true }, signal);
  return {
    kbps: bulk && (await pour(bulk, signal)),
    loss: 1 - delays.length / PACKETS,
    median: median(delays),
    p95: p95(delays),
  };
}

/** The delays in ms of the packets that arrived; each says when it left. */
async function speak({ near, far }: Ends, signal: AbortSignal): Promise<number[]> {
  const delays: number[] = [];
  far.binaryType = 'arraybuffer';
  far.onmessage = (event) => delays.push(performance.now() - new Float64Array(event.data as ArrayBuffer, 0, 1)[0]!);
  const from = performance.now();
  for (let sent = 0; sent < PACKETS; ) {
    // Timers of a busy page come late: what is due is sent together.
    const due = Math.min(PACKETS, Math.floor((performance.now() - from) / PACE) + 1);
    for (; sent < due; sent += 1) {
      const packet = new ArrayBuffer(PACKET);
      new Float64Array(packet, 0, 1)[0] = performance.now();
      near.send(packet);
    }
    await pause(PACE / 2, signal);
  }
  for (let waited = 0; waited < LATE && delays.length < PACKETS; waited += PACE) await pause(PACE, signal);
  far.onmessage = null;
  return delays;
}

/** Kilobits a second that came out at the other end. */
async function pour({ near, far }: Ends, signal: AbortSignal): Promise<number | null> {
  let [bytes, last] = [0, 0];
  far.binaryType = 'arraybuffer';
  const from = performance.now();
  far.onmessage = (event) => {
    bytes += (event.data as ArrayBuffer).byteLength;
    last = performance.now();
  };
  const chunk = crypto.getRandomValues(new Uint8Array(CHUNK));
  let sent = 0;
  while (performance.now() - from < LASTS && sent < AT_MOST && near.readyState === 'open') {
    while (near.bufferedAmount < BUFFER && sent < AT_MOST) {
      near.send(chunk);
      sent += CHUNK;
    }
    await pause(5, signal);
  }
  far.onmessage = null;
  return kbps(bytes, last - from);
}
