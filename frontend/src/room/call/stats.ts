/** What the browser counts on one line (WebRTC statistics), as loss, time and room for more. */
import type { Quality } from './way';

interface Counts {
  lost: number;
  received: number;
}

interface Report extends Record<string, unknown> {
  type: string;
  id: string;
}

const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);

export class Meter {
  private before: Counts | null = null;
  /** When the other side's last reports came: an old one is repeated for as long as no other comes. */
  private reports = new Map<string, unknown>();

  /** The line since the last look; null where nothing is known yet, or nothing came. */
  read(stats: { forEach(each: (report: Report) => void): void }): Quality | null {
    const now: Counts = { lost: 0, received: 0 };
    const theyLose: number[] = [];
    const times: number[] = [];
    let outgoingKbps: number | null = null;
    stats.forEach((report) => {
      if (report.type === 'inbound-rtp') {
        now.lost += number(report['packetsLost']) ?? 0;
        now.received += number(report['packetsReceived']) ?? 0;
      } else if (report.type === 'remote-inbound-rtp') {
        const lost = number(report['fractionLost']);
        const time = number(report['roundTripTime']);
        const old = this.reports.get(report.id) === report['timestamp'];
        this.reports.set(report.id, report['timestamp']);
        if (old) return;
        if (lost !== null) theyLose.push(lost);
        if (time !== null) times.push(time * 1000);
      } else if (report.type === 'candidate-pair' && report['state'] === 'succeeded' && (report['nominated'] || report['selected'])) {
        const time = number(report['currentRoundTripTime']);
        const rate = number(report['availableOutgoingBitrate']);
        if (time !== null) times.push(time * 1000);
        if (rate !== null) outgoingKbps = rate / 1000;
      }
    });
    const before = this.before;
    this.before = now;
    if (!before) return null;
    const lost = Math.max(0, now.lost - before.lost);
    const all = lost + Math.max(0, now.received - before.received);
    if (!all && !theyLose.length) return null;
    const loss = Math.max(all > 0 ? lost / all : 0, ...theyLose);
    return { loss, rttMs: times.length ? Math.min(...times) : 0, outgoingKbps };
  }
}

/** Whether anything comes over a line at all: sound, pictures, or answers to the question whether somebody still listens (RFC 7675). */
export class Flow {
  private came = -1;
  private since = 0;

  /** For how long nothing came, in ms; 0 while there is no line yet. */
  read(stats: { forEach(each: (report: Report) => void): void }, at: number): number {
    let came = 0;
    let lines = 0;
    stats.forEach((report) => {
      if (report.type !== 'candidate-pair') return;
      lines += 1;
      for (const name of ['bytesReceived', 'responsesReceived', 'requestsReceived']) came += number(report[name]) ?? 0;
    });
    if (came !== this.came || lines === 0) {
      this.came = lines ? came : -1;
      this.since = at;
    }
    return at - this.since;
  }
}
