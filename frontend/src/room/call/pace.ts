/** How much may be said in how much time: a burst at once, and so much a second for long. */
export class Pace {
  private left: number;
  private at = Date.now();

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
  ) {
    this.left = burst;
  }

  /** Take up to so many; answers how many may be taken now. */
  take(wanted: number): number {
    const at = Date.now();
    this.left = Math.min(this.burst, this.left + (Math.max(0, at - this.at) / 1000) * this.perSecond);
    this.at = at;
    const taken = Math.min(wanted, Math.floor(this.left));
    this.left -= taken;
    return taken;
  }
}
