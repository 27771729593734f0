/** One stay in the call, from the preview to the goodbye. */
import type { OtherFrame } from '../protocol';
import type { RoomState } from '../state';
import type { CallStore, DeviceKind } from './call.svelte';

export class CallSession {
  constructor(private readonly call: CallStore) {}

  async preview(): Promise<void> {}

  async join(_wish: { mic?: boolean; camera?: boolean }): Promise<void> {
    this.call.phase = 'in';
  }

  leave(): void {}

  heardState(_state: RoomState): void {}

  hear(_frame: OtherFrame): void {}

  lineDown(): void {}

  lineUp(): void {}

  mute(): void {}

  async switchMic(_on: boolean): Promise<void> {}

  async switchCamera(_on: boolean): Promise<void> {}

  async switchScreen(_on: boolean): Promise<void> {}

  switchLow(_on: boolean): void {}

  async hold(_down: boolean): Promise<void> {}

  async choose(_kind: DeviceKind, _id: string): Promise<void> {}

  tellState(): void {}

  dismissSameRoom(): void {}

  async unblock(): Promise<void> {}

  async testSound(): Promise<void> {}

  showPictures(_shown: boolean): void {}
}
