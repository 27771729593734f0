/**
 * The relay, address by address: two ends of a connection in this page that may only meet through it. What is kept of it are times
 * and the kinds of candidates; no address of this machine or network is read.
 */
import type { PathFound, Transport } from './steps';
import { Stopped, within } from './waiting';

/** An address that does not answer is given up after this. */
const CONNECTS_WITHIN = 8_000;
const LOOKS_FOR_TYPES = 3_000;

export interface Address {
  url: string;
  transport: Transport;
  host: string;
  port: number;
}

/** An address of a relay (RFC 7065) in its parts; `null` for what is none, such as `stun:`. Pure. */
export function parse(url: string): Address | null {
  const found = /^(turns?):(\[[0-9a-f:.]+\]|[^:?@/\s[\]]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i.exec(url.trim());
  if (!found) return null;
  const tls = found[1]!.toLowerCase() === 'turns';
  const transport: Transport = tls ? 'tls' : found[4]?.toLowerCase() === 'tcp' ? 'tcp' : 'udp';
  return { url: url.trim(), transport, host: found[2]!.replace(/^\[|\]$/g, ''), port: Number(found[3] ?? (tls ? 5349 : 3478)) };
}

/** Every address of the relay by itself, with the credentials that belong to it. Pure. */
export function addresses(servers: RTCIceServer[]): { address: Address; server: RTCIceServer }[] {
  return servers.flatMap((server) =>
    [server.urls].flat().flatMap((url) => {
      const address = parse(url);
      return address ? [{ address, server: { ...server, urls: url } }] : [];
    }),
  );
}

/** Two ends in this page that met through the relay. `near` speaks, `far` hears. */
export interface Pair {
  near: RTCPeerConnection;
  far: RTCPeerConnection;
  ms: number;
  close(): void;
}

export class NotThrough extends Error {
  constructor(readonly why: Exclude<PathFound['why'], 'ok'>) {
    super(why);
  }
}

/** Connect two ends through this one address. Rejects with `NotThrough`. */
export async function connect(server: RTCIceServer, signal: AbortSignal): Promise<Pair> {
  let near: RTCPeerConnection;
  let far: RTCPeerConnection;
  try {
    near = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
    far = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
  } catch {
    throw new NotThrough('invalid');
  }
  const close = (): void => {
    near.close();
    far.close();
  };
  const relayed = { near: false, far: false };
  const errors: number[] = [];
  const from = performance.now();
  const met = new Promise<true>((resolve, reject) => {
    const gaveUp = (end: RTCPeerConnection, has: boolean): void => {
      if (end.iceGatheringState === 'complete' && !has) reject(new NotThrough(whyNot(errors, false)));
    };
    for (const [end, name] of [[near, 'near'], [far, 'far']] as const) {
      end.onicecandidateerror = (event) => errors.push(event.errorCode);
      end.onicegatheringstatechange = () => gaveUp(end, relayed[name]);
      end.oniceconnectionstatechange = () => {
        if (end.iceConnectionState === 'failed') reject(new NotThrough(whyNot(errors, relayed.near && relayed.far)));
      };
    }
    far.ondatachannel = (event) => {
      const heard = event.channel;
      if (heard.readyState === 'open') resolve(true);
      else heard.onopen = () => resolve(true);
    };
  });
  met.catch(() => undefined);
  try {
    near.createDataChannel('line');
    await introduce(near, far, (end) => {
      relayed[end] = true;
    });
    if (!(await within(met, CONNECTS_WITHIN, false, signal))) throw new NotThrough(whyNot(errors, relayed.near && relayed.far));
  } catch (error) {
    close();
    throw error;
  }
  return { near, far, ms: performance.now() - from, close };
}

/** Let the two ends know of each other, candidates as they come. */
async function introduce(near: RTCPeerConnection, far: RTCPeerConnection, candidate: (end: 'near' | 'far') => void): Promise<void> {
  let ready: () => void = () => undefined;
  const both = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const hand = (to: RTCPeerConnection, name: 'near' | 'far') => (event: RTCPeerConnectionIceEvent) => {
    if (!event.candidate?.candidate) return;
    candidate(name);
    void both.then(() => to.addIceCandidate(event.candidate)).catch(() => undefined);
  };
  near.onicecandidate = hand(far, 'near');
  far.onicecandidate = hand(near, 'far');
  await near.setLocalDescription(await near.createOffer());
  await far.setRemoteDescription(near.localDescription!);
  await far.setLocalDescription(await far.createAnswer());
  await near.setRemoteDescription(far.localDescription!);
  ready();
}

/** Out of the relay's error codes (RFC 8656 §19; 701 is the browser's own for "no answer"). Pure. */
export function whyNot(errors: number[], relayed: boolean): Exclude<PathFound['why'], 'ok'> {
  if (relayed) return 'no_passage';
  if (errors.some((code) => code === 486 || code === 508)) return 'full';
  if (errors.some((code) => code >= 400 && code < 500)) return 'refused';
  return 'unreachable';
}

export async function tryPath({ address, server }: { address: Address; server: RTCIceServer }, signal: AbortSignal): Promise<PathFound> {
  const { transport, host, port } = address;
  try {
    const pair = await connect(server, signal);
    pair.close();
    return { transport, host, port, why: 'ok', ms: pair.ms };
  } catch (error) {
    if (error instanceof Stopped) throw error;
    return { transport, host, port, why: error instanceof NotThrough ? error.why : 'invalid', ms: null };
  }
}

/** The kinds of candidates that this network gives (host, srflx, relay): never where they are. */
export async function candidateTypes(servers: RTCIceServer[], signal: AbortSignal): Promise<string[]> {
  const types = new Set<string>();
  let end: RTCPeerConnection | null = null;
  try {
    end = new RTCPeerConnection({ iceServers: servers });
    const looking = end;
    const all = new Promise<void>((resolve) => {
      looking.onicecandidate = (event) => {
        if (event.candidate?.type) types.add(event.candidate.type);
        if (!event.candidate) resolve();
      };
    });
    looking.createDataChannel('line');
    await looking.setLocalDescription(await looking.createOffer());
    await within(all, LOOKS_FOR_TYPES, undefined, signal);
  } catch (error) {
    if (error instanceof Stopped) throw error;
  } finally {
    end?.close();
  }
  return [...types].sort();
}
