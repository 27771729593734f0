import { expect, test } from 'vitest';
import { Meter } from './stats';

let at = 0;
const report = (type: string, parts: Record<string, unknown>) => ({ type, id: type, timestamp: (at += 1), ...parts });

test('what got lost since the last look, at either end', () => {
  const meter = new Meter();
  const inbound = (packetsLost: number, packetsReceived: number) => report('inbound-rtp', { kind: 'audio', packetsLost, packetsReceived });
  const pair = report('candidate-pair', { state: 'succeeded', nominated: true, currentRoundTripTime: 0.05, availableOutgoingBitrate: 300_000 });
  expect(meter.read([inbound(10, 90)])).toBe(null);
  expect(meter.read([inbound(10, 190), pair])).toEqual({ loss: 0, rttMs: 50, outgoingKbps: 300 });
  expect(meter.read([inbound(35, 265), pair])).toEqual({ loss: 0.25, rttMs: 50, outgoingKbps: 300 });
  const theirs = report('remote-inbound-rtp', { fractionLost: 0.4, roundTripTime: 0.2 });
  expect(meter.read([inbound(35, 365), theirs])).toEqual({ loss: 0.4, rttMs: 200, outgoingKbps: null });
  // No report came since, and no packet: a cut says nothing of the line.
  expect(meter.read([inbound(35, 365), theirs])).toBe(null);
  expect(meter.read([inbound(35, 465), theirs])).toEqual({ loss: 0, rttMs: 0, outgoingKbps: null });
  // A counter that began anew is no loss, and a pair that is not in use tells nothing.
  expect(meter.read([inbound(0, 10)])).toBe(null);
  expect(meter.read([inbound(0, 20), report('candidate-pair', { state: 'succeeded', nominated: false, currentRoundTripTime: 9 })])).toEqual({
    loss: 0,
    rttMs: 0,
    outgoingKbps: null,
  });
});
