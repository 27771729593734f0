/** What happens around the page while somebody is in the call: the network changes, the machine sleeps, the page is put away. */

/** All in ms. */
/** A machine whose clock ticks this late has slept. */
const SLEPT = 10_000;
const TICK = 2_000;
/** A page in the background shows no pictures; a glance elsewhere is none. */
const HIDDEN_FOR = 3_000;

interface Network extends EventTarget {
  type?: string;
}

export class Surroundings {
  private ticked = Date.now();
  private readonly ticker: ReturnType<typeof setInterval>;
  private hiding: ReturnType<typeof setTimeout> | undefined;
  private type: string | undefined;

  constructor(
    private readonly on: {
      /** What was a way through the network may be none any more. */
      moved(): void;
      hidden(hidden: boolean): void;
      /** The page is being left. */
      gone(): void;
    },
  ) {
    this.ticker = setInterval(() => this.tick(), TICK);
    this.type = this.network?.type;
    window.addEventListener('online', this.moved);
    window.addEventListener('pagehide', this.gone);
    document.addEventListener('visibilitychange', this.looked);
    this.network?.addEventListener('change', this.changed);
  }

  stop(): void {
    clearInterval(this.ticker);
    clearTimeout(this.hiding);
    window.removeEventListener('online', this.moved);
    window.removeEventListener('pagehide', this.gone);
    document.removeEventListener('visibilitychange', this.looked);
    this.network?.removeEventListener('change', this.changed);
  }

  private get network(): Network | undefined {
    return (navigator as Navigator & { connection?: Network }).connection;
  }

  private readonly moved = (): void => this.on.moved();
  private readonly gone = (): void => this.on.gone();

  /** Browsers tell of every estimate of the line here; another kind of network is another one. */
  private readonly changed = (): void => {
    const type = this.network?.type;
    if (type !== this.type && type !== 'none') this.on.moved();
    this.type = type;
  };

  private readonly looked = (): void => {
    clearTimeout(this.hiding);
    if (document.visibilityState === 'hidden') this.hiding = setTimeout(() => this.on.hidden(true), HIDDEN_FOR);
    else this.on.hidden(false);
  };

  private tick(): void {
    const at = Date.now();
    if (at - this.ticked > SLEPT) this.on.moved();
    this.ticked = at;
  }
}
