/** The test as a whole: its steps in their order, what each found, and what the page shows meanwhile. */
import { measure } from './channel';
import { devices, playTone, release, tryCamera, tryLoudspeaker, tryMicrophone, type Choice } from './devices';
import { socketRates, trySocket } from './echo';
import { addresses, candidateTypes, connect, tryPath } from './relay';
import { fetchTicket, tryServers, type Ticket } from './site';
import { STEPS, judgeBandwidth, judgeRelay, type BandwidthFound, type BrowserFound, type PathFound, type RelayFound, type Results, type StepName, type StepState } from './steps';
import { verdict } from './verdict';
import { Stopped } from './waiting';

export interface Addresses {
  relay: string;
  socket: string;
  token: string;
}

export type DeviceStep = 'microphone' | 'camera' | 'loudspeaker';
const KINDS = { microphone: 'audioinput', camera: 'videoinput', loudspeaker: 'audiooutput' } as const;
/** A ticket that ends within this is asked for anew. */
const TICKET_SPARE = 60_000;
/** Relays are tried from the one that serves best. */
const BEST_FIRST = { udp: 0, tcp: 1, tls: 2 } as const;

export class CallTest {
  phase = $state<'idle' | 'running' | 'done'>('idle');
  current = $state<StepName | null>(null);
  results = $state.raw<Results>({});
  level = $state(0);
  /** The browser's question was answered: the microphone is open. */
  listening = $state(false);
  preview = $state.raw<MediaStream | null>(null);
  choices = $state.raw<Record<DeviceStep, Choice[]>>({ microphone: [], camera: [], loudspeaker: [] });
  chosen = $state<Record<DeviceStep, string>>({ microphone: '', camera: '', loudspeaker: '' });
  asking = $state(false);
  /** The paths of the relay that were tried so far, while the step runs. */
  paths = $state.raw<PathFound[]>([]);
  at = $state.raw(new Date());

  readonly verdict = $derived(this.phase === 'done' ? verdict(this.results) : null);

  private stopping = new AbortController();
  private again: AbortController | null = null; // the running step begins once more, with another device
  private answer: (answer: 'yes' | 'no' | 'again') => void = () => undefined;
  private ticket: Ticket | null = null;
  private sound: AudioContext | null = null;

  constructor(private readonly addresses: Addresses) {}

  state(step: StepName): StepState {
    if (this.current === step) return 'running';
    return this.results[step]?.grade ?? 'waiting';
  }

  start(): Promise<void> {
    this.results = {};
    this.at = new Date();
    return this.run(STEPS);
  }

  /** One step once more, after something was mended. */
  repeat(step: StepName): Promise<void> {
    if (this.phase !== 'done') return Promise.resolve();
    const others = { ...this.results };
    delete others[step];
    this.results = others;
    return this.run([step]);
  }

  stop(): void {
    this.stopping.abort();
    this.answer('no');
  }

  /** Another device: the step that runs with it begins anew, or is done once more. */
  choose(step: DeviceStep, id: string): void {
    this.chosen[step] = id;
    if (this.current === step) {
      this.again?.abort();
      this.answer('again');
    } else {
      void this.repeat(step);
    }
  }

  heard(answer: 'yes' | 'no' | 'again'): void {
    this.answer(answer);
  }

  private async run(steps: readonly StepName[]): Promise<void> {
    if (this.phase === 'running') return;
    this.stopping = new AbortController();
    this.phase = 'running';
    // Made while somebody presses a button: one that is made later stays silent in some browsers.
    if (typeof AudioContext === 'function') this.sound = new AudioContext();
    try {
      for (const step of steps) {
        this.current = step;
        await this.step(step);
        if (step === 'browser' && this.results.browser?.grade === 'failed') break;
      }
    } catch (error) {
      if (!(error instanceof Stopped) && !this.stopping.signal.aborted) throw error;
    } finally {
      this.current = null;
      this.phase = 'done';
      this.letGo();
    }
  }

  /** A step begins again as long as somebody chooses other devices in it. */
  private async step(step: StepName): Promise<void> {
    for (;;) {
      const again = new AbortController();
      const end = (): void => again.abort();
      this.stopping.signal.addEventListener('abort', end);
      this.again = again;
      try {
        const found = await this.found(step, again.signal);
        this.results = { ...this.results, [step]: found };
        return;
      } catch (error) {
        if (this.stopping.signal.aborted) throw new Stopped();
        if (!(error instanceof Stopped)) throw error;
      } finally {
        this.stopping.signal.removeEventListener('abort', end);
      }
    }
  }

  private found(step: StepName, signal: AbortSignal): Promise<Results[StepName]> {
    if (signal.aborted) return Promise.reject(new Stopped());
    switch (step) {
      case 'browser':
        return Promise.resolve(browser());
      case 'microphone':
        return this.microphone(signal);
      case 'camera':
        return tryCamera(this.chosen.camera, signal, (stream) => this.show(stream));
      case 'loudspeaker':
        return this.loudspeaker(signal);
      case 'socket':
        return trySocket(this.socketUrl(), signal);
      case 'relay':
        return this.relay(signal);
      case 'bandwidth':
        return this.bandwidth(signal);
      case 'server':
        return this.tickets(signal).then((ticket) => tryServers(typeof ticket === 'string' ? [] : ticket.servers, signal));
    }
  }

  private socketUrl(): string {
    return new URL(this.addresses.socket, window.location.href).href.replace(/^http/, 'ws');
  }

  private async list(step: DeviceStep): Promise<void> {
    this.choices = { ...this.choices, [step]: await devices(KINDS[step]) };
  }

  private async show(stream: MediaStream): Promise<void> {
    release(this.preview);
    this.preview = stream;
    await this.list('camera');
  }

  private async microphone(signal: AbortSignal): Promise<Results['microphone']> {
    this.listening = false;
    const open = (): Promise<void> => {
      this.listening = true;
      return this.list('microphone');
    };
    return tryMicrophone(this.sound!, this.chosen.microphone, signal, { level: (level) => (this.level = level), open });
  }

  private async loudspeaker(signal: AbortSignal): Promise<Results['loudspeaker']> {
    await this.list('loudspeaker');
    const ask = (): Promise<'yes' | 'no' | 'again'> =>
      new Promise<'yes' | 'no' | 'again'>((resolve) => {
        this.answer = resolve;
        this.asking = true;
      }).finally(() => {
        this.asking = false;
        this.answer = () => undefined;
      });
    return tryLoudspeaker(signal, () => playTone(this.sound!, this.chosen.loudspeaker, signal), ask);
  }

  private async tickets(signal: AbortSignal): Promise<Ticket | 'too_often' | 'no_ticket'> {
    if (this.ticket && this.ticket.endsAt - Date.now() > TICKET_SPARE) return this.ticket;
    const found = await fetchTicket(this.addresses.relay, this.addresses.token, signal);
    this.ticket = typeof found === 'string' ? null : found;
    return found;
  }

  private async relay(signal: AbortSignal): Promise<RelayFound> {
    this.paths = [];
    const ticket = await this.tickets(signal);
    if (typeof ticket === 'string') return { grade: 'failed', why: ticket, types: [], paths: [] };
    const types = await candidateTypes(ticket.ice, signal);
    for (const each of addresses(ticket.ice)) this.paths = [...this.paths, await tryPath(each, signal)];
    return { ...judgeRelay(this.paths), types, paths: this.paths };
  }

  /** Through the relay by its best path; over the socket where there is none. */
  private async bandwidth(signal: AbortSignal): Promise<BandwidthFound> {
    const ticket = await this.tickets(signal);
    const works = (host: string, port: number, transport: string): boolean =>
      (this.results.relay?.paths ?? []).some((path) => path.why === 'ok' && path.host === host && path.port === port && path.transport === transport);
    const [best] = addresses(typeof ticket === 'string' ? [] : ticket.ice)
      .filter(({ address }) => works(address.host, address.port, address.transport))
      .sort((a, b) => BEST_FIRST[a.address.transport] - BEST_FIRST[b.address.transport]);
    if (!best) {
      const found = { over: 'socket' as const, ...(await socketRates(this.socketUrl(), signal)), loss: null, median: null, p95: null };
      return { ...judgeBandwidth(found), ...found };
    }
    const over = best.address.transport;
    try {
      const pair = await connect(best.server, signal);
      try {
        const line = await measure(pair, signal);
        const found = { over, up: line.kbps, down: line.kbps, loss: line.loss, median: line.median, p95: line.p95 };
        return { ...judgeBandwidth(found), ...found };
      } finally {
        pair.close();
      }
    } catch (error) {
      if (error instanceof Stopped) throw error;
      return { grade: 'failed', why: 'broken', over, up: null, down: null, loss: null, median: null, p95: null };
    }
  }

  /** The camera's light goes out when the test ends, whatever its end is. */
  letGo(): void {
    release(this.preview);
    this.preview = null;
    void this.sound?.close();
    this.sound = null;
    this.level = 0;
    this.asking = false;
  }
}

function browser(): BrowserFound {
  const screen = typeof navigator.mediaDevices?.getDisplayMedia === 'function';
  if (!window.isSecureContext) return { grade: 'failed', why: 'insecure', screen };
  const calls = typeof RTCPeerConnection === 'function' && typeof AudioContext === 'function' && typeof navigator.mediaDevices?.getUserMedia === 'function';
  return { grade: calls ? 'good' : 'failed', why: calls ? 'ok' : 'no_calls', screen };
}
