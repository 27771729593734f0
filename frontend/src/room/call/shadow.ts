/**
 * A track for a library that thinks it is its own: LiveKit's switches every track on that it is given, and stops it when it has
 * enough of it. A microphone that a person switched off must stay off, so the library gets a copy that is on and off with the
 * original and nothing else, whatever is written on it.
 */

const followers = new WeakMap<MediaStreamTrack, Set<MediaStreamTrack>>();

/** The switch as the browser has it, below what is laid over it here. */
function nativeSwitch(track: MediaStreamTrack): { get(): boolean; set(on: boolean): void } {
  for (let prototype: object | null = Object.getPrototypeOf(track) as object; prototype; prototype = Object.getPrototypeOf(prototype) as object | null) {
    const found = Object.getOwnPropertyDescriptor(prototype, 'enabled');
    if (found?.get && found.set) {
      const { get, set } = found;
      return { get: () => get.call(track) as boolean, set: (on) => set.call(track, on) };
    }
  }
  throw new Error('no switch');
}

function follow(original: MediaStreamTrack): Set<MediaStreamTrack> {
  const known = followers.get(original);
  if (known) return known;
  const copies = new Set<MediaStreamTrack>();
  followers.set(original, copies);
  const own = nativeSwitch(original);
  Object.defineProperty(original, 'enabled', {
    configurable: true,
    get: own.get,
    set: (on: boolean) => {
      own.set(on);
      for (const copy of copies) nativeSwitch(copy).set(own.get());
    },
  });
  return copies;
}

/** A copy of the track, on while the original is. It ends with `release`. */
export function shadowOf(original: MediaStreamTrack): MediaStreamTrack {
  const copies = follow(original);
  const copy = original.clone();
  nativeSwitch(copy).set(original.enabled);
  copy.contentHint = original.contentHint;
  Object.defineProperty(copy, 'enabled', { configurable: true, get: nativeSwitch(copy).get, set: () => undefined });
  copies.add(copy);
  return copy;
}

/** The copy is needed no more. */
export function release(original: MediaStreamTrack, copy: MediaStreamTrack): void {
  followers.get(original)?.delete(copy);
  copy.stop();
}
