/** The microphone's button: pressed, it switches; held, the microphone is on for so long. */

/** Held for longer than this, it is not a press, in ms. */
export const HELD = 300;

export class HoldToTalk {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private held = false;

  constructor(
    private readonly on: {
      /** The microphone is off: only then there is something to hold. */
      off(): boolean;
      talk(down: boolean): void;
      toggle(): void;
    },
  ) {}

  down(): void {
    this.cancel();
    this.held = false;
    if (!this.on.off()) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.held = true;
      this.on.talk(true);
    }, HELD);
  }

  up(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.held) this.on.talk(false);
  }

  /** Let go, and no click will follow. */
  cancel(): void {
    this.up();
    this.held = false;
  }

  /** The click that follows a hold is a part of it. */
  click(): void {
    if (this.held) this.held = false;
    else this.on.toggle();
  }
}
