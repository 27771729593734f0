/** The keys of the call, the same for whoever sits at the table and for a guest. */
import { keyAction, type CallKey, type Where } from './keys';
import type { RoomStore } from './room.svelte';

export class CallKeys {
  /** The space bar is held. */
  private talking = false;
  /** The button that was last pressed with a mouse or a finger. */
  private pointed: Element | null = null;

  constructor(private readonly store: RoomStore) {}

  /** The pointer went down somewhere. */
  point(target: EventTarget | null): void {
    this.pointed = target instanceof Element ? target.closest('button') : null;
  }

  /** A key went down; true when it was one of the call's and is dealt with. */
  press(event: KeyboardEvent, where: Where): boolean {
    if (event.key === 'Tab') this.pointed = null;
    const { call } = this.store;
    const action = keyAction(event, this.keptFromButton(event) ? { ...where, widget: false } : where);
    if (!action?.startsWith('call')) return false;
    if (!call.available && !(call.way === 'own' && action === 'call')) return false;
    if (action === 'call_talk' && !(call.inCall && call.maySpeak)) return false;
    if (action === 'call_talk' ? !this.talking && !event.repeat : !event.repeat) this.act(action as CallKey);
    return true;
  }

  /** A key was let go, or the window was left with it; true when that ended the talking. */
  release(event: Event): boolean {
    if (!this.talking || (event instanceof KeyboardEvent && event.key !== ' ')) return false;
    this.talking = false;
    this.store.call.holdToTalk(false);
    return true;
  }

  /** Whoever pressed a button with the mouse and then holds the space bar wants to be heard, not to press it again. */
  private keptFromButton(event: KeyboardEvent): boolean {
    const { call } = this.store;
    return event.key === ' ' && call.inCall && (!call.mic || this.talking) && this.pointed !== null && this.pointed === document.activeElement;
  }

  private act(action: CallKey): void {
    const { call } = this.store;
    switch (action) {
      case 'call':
        if (call.way === 'own') document.querySelector<HTMLElement>('[data-call=link]')?.click();
        else if (call.phase === 'out') void call.openPreview();
        else call.leave();
        break;
      case 'call_mic':
        void call.toggleMic();
        break;
      case 'call_camera':
        void call.toggleCamera();
        break;
      case 'call_hand':
        call.toggleHand();
        break;
      case 'call_low':
        call.toggleLow();
        break;
      case 'call_talk':
        this.talking = true;
        call.holdToTalk(true);
    }
  }
}
