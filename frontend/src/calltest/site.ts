/** What the page asks of the site and of the media server: where they are, and whether they answer. */
import type { ServerFound } from './steps';
import { Stopped, limited } from './waiting';

const ANSWERS_WITHIN = 8_000;

/** What `POST /call-test/relay/` gives. */
export interface Ticket {
  ice: RTCIceServer[];
  servers: string[];
  endsAt: number;
}

export async function fetchTicket(url: string, token: string, signal: AbortSignal): Promise<Ticket | 'too_often' | 'no_ticket'> {
  const clock = limited(ANSWERS_WITHIN, signal);
  try {
    const answer = await fetch(url, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { Accept: 'application/json', 'X-CSRFToken': token },
      signal: clock.signal,
    });
    if (answer.status === 429) return 'too_often';
    if (!answer.ok || answer.redirected) return 'no_ticket';
    const body = (await answer.json()) as { ice: RTCIceServer[]; servers: string[]; expires_at: string };
    return { ice: body.ice, servers: body.servers, endsAt: Date.parse(body.expires_at) };
  } catch {
    if (signal.aborted) throw new Stopped();
    return 'no_ticket';
  } finally {
    clock.end();
  }
}

/** Does the media server answer at all? What it says is of no interest, and not readable from here. */
export async function tryServers(urls: string[], signal: AbortSignal): Promise<ServerFound> {
  const hosts: ServerFound['hosts'] = [];
  for (const url of urls) {
    const address = new URL(url.replace(/^ws/, 'http'));
    const from = performance.now();
    let ms: number | null = null;
    const clock = limited(ANSWERS_WITHIN, signal);
    try {
      await fetch(address.origin + '/', { mode: 'no-cors', cache: 'no-store', credentials: 'omit', signal: clock.signal });
      ms = performance.now() - from;
    } catch {
      if (signal.aborted) throw new Stopped();
    } finally {
      clock.end();
    }
    hosts.push({ host: address.hostname, port: Number(address.port || (address.protocol === 'https:' ? 443 : 80)), ms });
  }
  if (!hosts.length) return { grade: 'left_out', why: 'left_out', hosts };
  const fine = hosts.some((each) => each.ms !== null);
  return { grade: fine ? 'good' : 'failed', why: fine ? 'ok' : 'unreachable', hosts };
}
