/** A test in which everything went well, with the figures of an ordinary office. */
import type { PathFound, Results } from './steps';

export const path = (given: Partial<PathFound> = {}): PathFound => ({ transport: 'udp', host: 'turn.example.org', port: 3478, why: 'ok', ms: 34.4, ...given });

export function allGood(): Required<Results> {
  return {
    browser: { grade: 'good', why: 'ok', screen: true },
    microphone: { grade: 'good', why: 'ok', count: 2, level: 0.62 },
    camera: { grade: 'good', why: 'ok', count: 1, width: 1280, height: 720, fps: 30 },
    loudspeaker: { grade: 'good', why: 'ok', count: 2 },
    socket: { grade: 'good', why: 'ok', median: 12.2, p95: 31.8, close: null },
    relay: {
      grade: 'good',
      why: 'ok',
      types: ['host', 'relay', 'srflx'],
      paths: [path(), path({ transport: 'tcp', ms: 51 }), path({ transport: 'tls', port: 443, ms: 70 })],
    },
    bandwidth: { grade: 'good', why: 'ok', over: 'udp', up: 8421, down: 8421, loss: 0.004, median: 21, p95: 38 },
    server: { grade: 'left_out', why: 'left_out', hosts: [] },
  };
}
