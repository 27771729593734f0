/** The keys of the room: which one does what, and when none does. */
import { words } from './words';
import type { Right } from './protocol';

export type CallKey = 'call' | 'call_mic' | 'call_camera' | 'call_hand' | 'call_low' | 'call_talk';

export type KeyAction =
  | CallKey
  | 'next'
  | 'open'
  | 'postpone'
  | 'record'
  | 'late'
  | 'start'
  | 'close'
  | 'park'
  | 'break'
  | 'undo'
  | 'confirm'
  | 'dissent'
  | 'withdraw'
  | 'protocol'
  | 'protocols'
  | 'hand'
  | 'talk'
  | 'write'
  | 'follow'
  | 'look'
  | 'down'
  | 'up'
  | 'move_down'
  | 'move_up'
  | 'filter'
  | 'help'
  | 'leave_field'
  | 'save'
  | 'pane_agenda'
  | 'pane_stage'
  | 'pane_recommendation'
  | 'pane_people';

export interface Pressed {
  key: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
}

export interface Where {
  /** The focus is in something that takes letters. */
  typing: boolean;
  /** The focus is in something that needs the arrow keys or Enter itself. */
  widget: boolean;
  dialog: boolean;
  /** Keys without Ctrl are switched off by the person. */
  off: boolean;
}

const LETTERS: Record<string, KeyAction> = {
  n: 'next',
  o: 'open',
  p: 'postpone',
  r: 'record',
  l: 'late',
  s: 'start',
  c: 'close',
  a: 'park',
  b: 'break',
  u: 'undo',
  y: 'confirm',
  d: 'dissent',
  w: 'withdraw',
  m: 'protocol',
  g: 'protocols',
  h: 'hand',
  t: 'talk',
  e: 'write',
  f: 'follow',
  j: 'down',
  k: 'up',
  '/': 'filter',
  '?': 'help',
  '1': 'pane_agenda',
  '2': 'pane_stage',
  '3': 'pane_recommendation',
  '4': 'pane_people',
  '0': 'call',
  i: 'call_mic',
  x: 'call_camera',
  q: 'call_hand',
  z: 'call_low',
};

/** What a pressed key asks for, or null. In a field only Escape and Ctrl+S do anything. */
export function keyAction(pressed: Pressed, where: Where): KeyAction | null {
  const { key } = pressed;
  if ((pressed.ctrlKey || pressed.metaKey) && !pressed.altKey && key.toLowerCase() === 's') return 'save';
  if (pressed.ctrlKey || pressed.metaKey || where.dialog) return null;
  if (key === 'Escape') return where.typing ? 'leave_field' : null;
  if (where.typing) return null;
  if (pressed.altKey) {
    if (where.off) return null;
    return key === 'ArrowDown' ? 'move_down' : key === 'ArrowUp' ? 'move_up' : null;
  }
  if (!where.widget) {
    if (key === 'ArrowDown') return 'down';
    if (key === 'ArrowUp') return 'up';
    if (key === 'Enter') return 'look';
  }
  if (where.off) return key === '?' ? 'help' : null;
  // Held down, not pressed: on a button it presses that button.
  if (key === ' ') return where.widget ? null : 'call_talk';
  return LETTERS[key.toLowerCase()] ?? null;
}

/** Where a key event fell. */
export function whereOf(target: EventTarget | null, off: boolean): Where {
  const element = target instanceof Element ? target : null;
  const typing =
    !!element?.closest('textarea, select, [contenteditable="true"]') ||
    !!element?.closest('input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit])');
  return {
    typing,
    widget: !!element?.closest('button:not([data-row]), a[href], summary, input, [data-own-keys]'),
    dialog: !!document.querySelector('dialog[open]'),
    off,
  };
}

export interface KeyLine {
  keys: string[];
  does: string;
  needs?: Right;
}

/** The list that `?` shows. */
export function keyLines(): KeyLine[] {
  return [
    { keys: ['N'], does: words.next(), needs: 'run' },
    { keys: ['O'], does: words.openSelected(), needs: 'run' },
    { keys: ['P'], does: words.postpone(), needs: 'postpone' },
    { keys: ['R'], does: words.readBackOrRecord(), needs: 'record' },
    { keys: ['W'], does: words.changeWording(), needs: 'run' },
    { keys: ['Y'], does: words.confirm(), needs: 'read_back' },
    { keys: ['D'], does: words.dissent(), needs: 'read_back' },
    { keys: ['A'], does: words.parkOrBack(), needs: 'reorder' },
    { keys: ['L'], does: words.lateCase(), needs: 'add_late' },
    { keys: ['M'], does: words.protocolMark(), needs: 'run' },
    { keys: ['G'], does: words.protocolsRecord(), needs: 'record' },
    { keys: ['B'], does: words.breakOrGoOn(), needs: 'run' },
    { keys: ['U'], does: words.undoKey(), needs: 'run' },
    { keys: ['H'], does: words.handOver(), needs: 'run' },
    { keys: ['S'], does: words.startMeeting(), needs: 'run' },
    { keys: ['C'], does: words.closeMeeting(), needs: 'close' },
    { keys: ['E'], does: words.write(), needs: 'draft' },
    { keys: ['J', '↓'], does: words.selectNext() },
    { keys: ['K', '↑'], does: words.selectPrevious() },
    { keys: ['Alt ↓', 'Alt ↑'], does: words.moveSelected(), needs: 'reorder' },
    { keys: ['Enter'], does: words.lookAtSelected() },
    { keys: ['F'], does: words.followOrAway() },
    { keys: ['V'], does: words.pointKey(), needs: 'share' },
    { keys: ['0'], does: words.callKey(), needs: 'call' },
    { keys: ['I'], does: words.callMicKey(), needs: 'speak' },
    { keys: ['Space'], does: words.callTalkKey(), needs: 'speak' },
    { keys: ['X'], does: words.callCameraKey(), needs: 'speak' },
    { keys: ['Q'], does: words.callHandKey(), needs: 'speak' },
    { keys: ['Z'], does: words.callLowKey(), needs: 'call' },
    { keys: ['PageUp', 'PageDown'], does: words.turnPage() },
    { keys: ['+', '-'], does: words.zoomKeys() },
    { keys: ['/'], does: words.filterAgenda() },
    { keys: ['1', '2', '3', '4'], does: words.goToPane() },
    { keys: ['T'], does: words.goToTalk() },
    { keys: ['Ctrl S'], does: words.saveNow(), needs: 'draft' },
    { keys: ['Esc'], does: words.leaveField() },
    { keys: ['?'], does: words.showKeys() },
  ];
}
