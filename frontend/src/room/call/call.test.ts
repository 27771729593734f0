import { describe, expect, test, vi } from 'vitest';
import type { RoomStore } from '../room.svelte';
import type { FakeTrack } from './callroom.testing';
import { block, enter, other, played, plugs, room, together, until, useHall, wait } from './hall.testing';
import { words } from '../words';

useHall();

describe('before going in', () => {
  test('the preview shows and hears oneself, and nothing of it is told to anybody', async () => {
    const { call } = await enter('a');
    expect([call.available, call.phase]).toEqual([true, 'out']);
    await call.openPreview();
    expect([call.phase, call.mic, call.camera, call.problem]).toEqual(['preview', true, true, null]);
    expect(call.ownPicture).toBe(plugs.live('cam1'));
    expect(call.devices.microphones.map(({ label }) => label)).toEqual(['Headset', 'Table']);
    // Both with one question of the browser.
    expect(plugs.asked).toHaveLength(1);
    plugs.live('mic1')!.loud = 0.3;
    await until(() => call.level > 0.7);
    expect(room.said('call.join')).toEqual([]);
    call.leave();
    expect([call.phase, call.level, call.ownPicture]).toEqual(['out', 0, null]);
    expect(plugs.given.every((track) => track.readyState === 'ended')).toBe(true);
  });

  test('another device is taken at once, and remembered', async () => {
    const { call } = await enter('a');
    await call.openPreview();
    await call.choose('microphone', 'mic2');
    expect(plugs.live('mic1')).toBe(undefined);
    expect(plugs.live('mic2')).toBeDefined();
    call.leave();
    await call.openPreview();
    expect(plugs.live('mic2')).toBeDefined();
    expect(JSON.parse(localStorage.getItem('mdo-call-devices')!)).toMatchObject({ microphone: 'mic2' });
    // It is not there any more: another one is used, without a word.
    call.leave();
    plugs.pull('mic2');
    await call.openPreview();
    expect(plugs.live('mic1')).toBeDefined();
    expect(call.problem).toBe(null);
  });

  test.each([
    ['NotAllowedError', 'refused', words.callBothRefused()],
    ['NotFoundError', 'no_camera', words.callNoCamera()],
    ['NotReadableError', 'taken', words.callCameraTaken()],
  ])('%s: said in words, and one can go in all the same', async (fault, kind, text) => {
    const { call } = await enter('a');
    plugs.faults.set('videoinput', fault);
    if (fault === 'NotAllowedError') plugs.faults.set('audioinput', fault);
    await call.openPreview();
    expect(call.problem).toMatchObject({ kind, words: text });
    await call.join({ mic: call.mic, camera: call.camera });
    await until(() => call.phase === 'in');
    expect([call.mic, call.camera]).toEqual([fault !== 'NotAllowedError', false]);
  });

  test('without TLS the browser gives nothing: one listens', async () => {
    const { call } = await enter('a');
    vi.stubGlobal('navigator', { ...navigator, mediaDevices: undefined });
    await call.openPreview();
    expect(call.problem?.kind).toBe('insecure');
    await call.join();
    await until(() => call.phase === 'in');
    expect([call.mic, call.camera]).toEqual([false, false]);
  });

  test('with nothing plugged in one listens', async () => {
    const { call } = await enter('a');
    plugs.list = [];
    await call.openPreview();
    await call.join();
    await until(() => call.phase === 'in');
    expect([call.mic, call.camera, call.problem?.kind]).toEqual([false, false, 'no_microphone']);
  });

  test.each(['full', 'server_gone', 'unavailable'])('refused for now (%s): back before the door, to try again', async (code) => {
    const { call } = await enter('a');
    room.refuseWith = code;
    await call.join();
    await until(() => call.problem !== null);
    expect([call.phase, call.problem]).toEqual(['preview', { kind: code, device: null, words: `Refused: ${code}.` }]);
    room.refuseWith = null;
    await call.join();
    await until(() => call.phase === 'in');
    expect(call.problem).toBe(null);
  });

  test.each(['no_relay', 'none', 'over', 'forbidden'])('refused for good (%s)', async (code) => {
    const { call } = await enter('a');
    room.refuseWith = code;
    await call.join();
    await until(() => call.phase === 'out');
    expect(call.problem).toEqual({ kind: code, device: null, words: `Refused: ${code}.` });
    expect(plugs.given.every((track) => track.readyState === 'ended')).toBe(true);
  });

  test('the hospital’s own system is a link, and nothing to go into', async () => {
    room.move({ way: 'own', link: 'https://video.example.org/moc', dial_in: '+32 2 000 00 00' });
    const { call } = await enter('a');
    expect([call.available, call.link, call.dialIn]).toEqual([false, 'https://video.example.org/moc', '+32 2 000 00 00']);
    await call.openPreview();
    await call.join();
    expect([call.phase, plugs.asked]).toEqual(['out', []]);
  });
});

describe('in the call', () => {
  test('two hear and see each other, and each is there by name', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    expect(a.call.peers.map(({ name, self, mic, camera }) => [name, self, mic, camera])).toEqual([
      ['dr. P. Persoon 1', true, true, true],
      ['dr. P. Persoon 2', false, true, true],
    ]);
    expect([other(a).voice?.kind, other(a).picture?.kind, other(a).screenTrack]).toEqual(['audio', 'video', null]);
    expect(document.querySelectorAll('audio[data-call-voice]')).toHaveLength(2);
    expect(played).toHaveLength(2);
    b.call.leave();
    await until(() => a.call.peers.length === 1);
    expect(document.querySelectorAll('audio[data-call-voice]')).toHaveLength(0);
    expect(room.said('call.leave', 'b')).toHaveLength(1);
    expect(room.network.connections).toEqual([]);
  });

  test('microphone, camera, screen and hand are told to the others', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    await a.call.toggleMic();
    await a.call.toggleCamera();
    await until(() => !other(b).mic && !other(b).camera);
    expect(other(b).picture).toBe(null);
    expect([plugs.given[0]!.enabled, plugs.given[0]!.readyState]).toEqual([false, 'live']);
    expect(plugs.given[1]!.readyState).toBe('ended');
    a.call.toggleHand();
    await a.call.toggleScreen();
    await until(() => other(b).hand && other(b).screenTrack);
    expect(b.call.shared?.name).toBe('dr. P. Persoon 1');
    expect(plugs.live('screen')!.contentHint).toBe('detail');
    // The browser's own button ends the sharing.
    plugs.live('screen')!.end();
    await until(() => !b.call.shared);
    expect(a.call.screen).toBe(false);
    await a.call.toggleCamera();
    await until(() => other(b).picture);
  });

  test('a question for the screen that is closed is no fault; one that the machine forbids is', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    plugs.screenFault = ['NotAllowedError', 'Permission denied'];
    await a.call.toggleScreen();
    expect([a.call.screen, a.call.problem]).toEqual([false, null]);
    plugs.screenFault = ['NotAllowedError', 'Permission denied by system'];
    await a.call.toggleScreen();
    expect(a.call.problem?.kind).toBe('screen');
  });

  test('hands are in the order in which they went up', async () => {
    const [a, b, c] = (await together('a', 'b', 'c')) as [RoomStore, RoomStore, RoomStore];
    room.tell('a', { t: 'x' });
    c.call.toggleHand();
    await wait(1_000);
    // The server says since when.
    const at = (peer: string, hand_at: string) => {
      for (const [, call] of room['inCall']) if (call.peer === peer) call.hand_at = hand_at;
    };
    at(c.call.me!, '2026-11-25T13:00:05Z');
    b.call.toggleHand();
    at(b.call.me!, '2026-11-25T13:00:09Z');
    room['draw']();
    await until(() => a.call.hands.length === 2);
    expect(a.call.hands.map(({ name }) => name)).toEqual(['dr. P. Persoon 3', 'dr. P. Persoon 2']);
  });

  test('push to talk: heard while the key is held, and no longer', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    await a.call.toggleMic();
    await until(() => !other(b).mic);
    a.call.holdToTalk(true);
    a.call.holdToTalk(true);
    await until(() => other(b).mic);
    expect([a.call.pushToTalk, a.call.mic, plugs.live('mic1')!.enabled]).toEqual([true, true, true]);
    a.call.holdToTalk(false);
    expect([a.call.pushToTalk, a.call.mic]).toEqual([false, false]);
    await until(() => !other(b).mic);
    // With the microphone on, the key does nothing, least of all switch it off.
    await a.call.toggleMic();
    a.call.holdToTalk(true);
    a.call.holdToTalk(false);
    expect(a.call.mic).toBe(true);
  });

  test('the chair switches all microphones off but the own one, and they may be switched on again', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    expect([a.call.mayMuteAll, b.call.mayMuteAll]).toEqual([true, false]);
    await a.call.muteAll();
    await until(() => !b.call.mic);
    expect([a.call.mic, b.call.hints.mutedBy]).toEqual([true, 'dr. P. Persoon 1']);
    await until(() => !other(a).mic);
    await b.call.toggleMic();
    expect([b.call.mic, b.call.hints.mutedBy]).toEqual([true, null]);
    // It is not heard twice, and not of one's own time outside.
    room.happen({});
    await wait(100);
    expect(b.call.mic).toBe(true);
  });

  test('who speaks is shown, and who speaks is shown large', async () => {
    const [a, b, c] = (await together('a', 'b', 'c')) as [RoomStore, RoomStore, RoomStore];
    const voice = (peer: string) => a.call.streams.get(peer)!.voice as unknown as FakeTrack;
    expect(a.call.active).toBe(null);
    Object.assign(voice(b.call.me!), { enabled: true, loud: 0.2 });
    await until(() => a.call.active === b.call.me);
    expect(a.call.peers.filter(({ speaking }) => speaking).map(({ name }) => name)).toEqual(['dr. P. Persoon 2']);
    voice(b.call.me!).loud = 0;
    Object.assign(voice(c.call.me!), { enabled: true, loud: 0.2 });
    await until(() => a.call.active === c.call.me);
    await until(() => a.call.speaking.size === 1);
  });

  test('a microphone that is pulled out: the next one, or words', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    plugs.pull('mic1');
    await until(() => a.call.problem);
    expect([a.call.problem, a.call.mic]).toEqual([{ kind: 'unplugged', device: 'microphone', words: words.callMicrophoneNext('Table') }, true]);
    expect(room.network.connections.some((each) => each.getTransceivers()[0]!.sender.track === (plugs.live('mic2') as unknown))).toBe(true);
    a.call.dismissProblem();
    plugs.pull('mic2');
    await until(() => a.call.problem);
    expect([a.call.problem?.words, a.call.mic]).toEqual([words.callMicrophoneUnplugged(), false]);
  });

  test('a camera that is pulled out, one that another program took, a loudspeaker that is gone', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    const camera = plugs.given.find(({ kind }) => kind === 'video')!;
    camera.muted = true;
    camera.onmute!();
    await wait(2_500);
    expect(a.call.problem?.kind).toBe('taken');
    camera.muted = false;
    camera.onunmute!();
    expect(a.call.problem).toBe(null);
    await a.call.choose('loudspeaker', 'out2');
    expect(a.call.chosen.loudspeaker).toBe('out2');
    plugs.pull('out2');
    await until(() => a.call.problem);
    expect([a.call.problem?.device, a.call.chosen.loudspeaker]).toEqual(['loudspeaker', '']);
    plugs.pull('cam1');
    await until(() => !a.call.camera);
    expect(a.call.problem?.words).toBe(words.callCameraUnplugged());
    await until(() => !other(b).camera);
  });

  test('a browser that holds the sound back says so, and one press lets it go', async () => {
    block(true);
    const [a] = (await together('a', 'b')) as [RoomStore];
    expect(a.call.problem).toEqual({ kind: 'blocked', device: 'loudspeaker', words: words.callBlocked() });
    block(false);
    await a.call.unblock();
    expect(a.call.problem).toBe(null);
    expect(played.length).toBeGreaterThan(0);
  });

  test('an observer hears and gives nothing', async () => {
    const [, b] = (await together('a', 'observer')) as [RoomStore, RoomStore];
    expect([b.call.maySpeak, b.call.mic, b.call.camera]).toEqual([false, false, false]);
    await b.call.toggleMic();
    await b.call.toggleScreen();
    b.call.holdToTalk(true);
    expect([b.call.mic, b.call.screen, b.call.pushToTalk]).toEqual([false, false, false]);
    expect(other(b).voice?.kind).toBe('audio');
    expect(plugs.given.filter(({ kind }) => kind === 'audio')).toHaveLength(1);
  });

  test('sound only: the camera goes off and comes back, and nobody is shown', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    a.call.toggleLow();
    await until(() => other(b).low && !other(b).camera);
    expect([a.call.low, a.call.lowByItself, other(a).picture]).toEqual([true, false, null]);
    a.call.toggleLow();
    await until(() => other(b).camera && other(b).picture && other(a).picture);
    // Whoever switches the camera on wants pictures.
    a.call.toggleLow();
    await until(() => !a.call.camera);
    await a.call.toggleCamera();
    await until(() => a.call.camera && !a.call.low);
  });

  test('a line that loses much: sound only by itself, and pictures again by itself', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    await wait(10_000);
    expect(a.call.low).toBe(false);
    room.network.loss = 0.3;
    await until(() => a.call.low, 30_000);
    expect([a.call.lowByItself, a.call.camera]).toEqual([true, false]);
    await until(() => other(b).low && !other(b).camera);
    room.network.loss = 0;
    await until(() => !a.call.low && a.call.camera, 60_000);
    expect(a.call.lowByItself).toBe(false);
  });

  test('a page in the background is sent no pictures', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    const sent = () => room.network.connections.filter((each) => each.getTransceivers()[1]!.sender.track !== null).length;
    expect(sent()).toBe(2);
    const state = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    document.dispatchEvent(new Event('visibilitychange'));
    await wait(2_000);
    expect(sent()).toBe(2);
    await until(() => sent() === 0);
    state.mockReturnValue('visible');
    document.dispatchEvent(new Event('visibilitychange'));
    await until(() => sent() === 2);
    // Where the page itself shows none, for instance behind another pane.
    a.call.showPictures(false);
    await until(() => sent() === 1);
    expect([other(a).link, other(b).link]).toEqual(['connected', 'connected']);
  });

  test('two machines in one room: said once, and not again once it is known', async () => {
    const [a, b] = (await together('a', 'b')) as [RoomStore, RoomStore];
    const mine = plugs.given[0]!;
    const theirs = a.call.streams.get(b.call.me!)!.voice as unknown as FakeTrack;
    theirs.enabled = true;
    const past: number[] = [];
    let at = 0;
    const sound = setInterval(() => {
      at += 1;
      mine.loud = [0.3, 0.05, 0.5, 0.01, 0.1][Math.floor(at / 5) % 5]! * (1 + (Math.floor(at / 17) % 3));
      past.push(mine.loud);
      theirs.loud = (past[at - 6] ?? 0) * 0.4;
    }, 50);
    await until(() => a.call.hints.sameRoom);
    expect(a.call.hints.sameRoom).toBe('dr. P. Persoon 2');
    // One of the two is off: that was the advice.
    await a.call.toggleMic();
    await until(() => !a.call.hints.sameRoom);
    await a.call.toggleMic();
    await until(() => a.call.hints.sameRoom);
    a.call.dismissHint('sameRoom');
    await wait(15_000);
    expect(a.call.hints.sameRoom).toBe(null);
    clearInterval(sound);
  });
});

describe('more than six', () => {
  test('cameras go off, a server is advised, and they come back when there are few again', async () => {
    const [a] = (await together('a', 'b')) as [RoomStore];
    const extra = Array.from({ length: 5 }, (_, at) => ({ ...room['inCall'].values().next().value!, peer: `zz${at}` }));
    const fakes = extra.map((call) => [{ who: 'c' } as never, call] as const);
    for (const [socket, call] of fakes) room['inCall'].set(socket, call);
    room['draw']();
    await until(() => a.call.peers.length === 7 && !a.call.camera);
    expect(a.call.hints.serverBetter).toBe(true);
    expect(other(a).picture).toBe(null);
    a.call.dismissHint('serverBetter');
    expect(a.call.hints.serverBetter).toBe(false);
    await a.call.toggleCamera();
    expect([a.call.camera, a.call.problem?.words]).toEqual([false, words.callSoundFirst()]);
    for (const [socket] of fakes) room['inCall'].delete(socket);
    room['draw']();
    await until(() => a.call.peers.length === 2 && a.call.camera, 20_000);
  });
});
