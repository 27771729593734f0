/** The few lines of a description (RFC 8866, RFC 8829) that the mesh reads or adds. */

/** Which RTCPeerConnection it comes from: the session of the `o=` line stays as long as that lives (RFC 8829, 5.2.1). */
export function sessionOf(sdp: string): string {
  return /^o=(\S+ \S+) /m.exec(sdp)?.[1]?.split(' ')[1] ?? '';
}

/** The name that its sender is called by in connectivity checks; another one after each restart. */
export function ufragOf(sdp: string): string {
  return /^a=ice-ufrag:(\S+)\s*$/m.exec(sdp)?.[1] ?? '';
}

const ANSWERS = 'a=x-mdo-answers:';

/** An answer that says which offer it answers: one that comes late is then told from the right one. */
export function answering(sdp: string, offer: string): string {
  const at = sdp.search(/^m=/m);
  const line = `${ANSWERS}${ufragOf(offer)}\r\n`;
  return at < 0 ? sdp + line : sdp.slice(0, at) + line + sdp.slice(at);
}

/** The name of the offer that an answer is for, and the answer without that line. */
export function answered(sdp: string): { offer: string; sdp: string } {
  const found = /^a=x-mdo-answers:(\S+)\r?\n/m.exec(sdp);
  return found ? { offer: found[1]!, sdp: sdp.replace(found[0], '') } : { offer: '', sdp };
}

/**
 * What we would like to hear: lost packets repaired (in-band FEC), and nothing sent in silence (DTX). Both are wishes of
 * the hearer (RFC 7587, 6.1), so they go into what is told to the other side, and our own description stays untouched.
 */
export function wishingForOpus(sdp: string): string {
  const payload = /^a=rtpmap:(\d+) opus\/48000\/2\s*$/im.exec(sdp)?.[1];
  if (!payload) return sdp;
  return sdp.replace(new RegExp(`^(a=fmtp:${payload} )(.*?)(\\r?)$`, 'm'), (_line, head: string, given: string, end: string) => {
    const kept = given.split(';').filter((each) => each && !/^(useinbandfec|usedtx)=/.test(each.trim()));
    return `${head}${[...kept, 'useinbandfec=1', 'usedtx=1'].join(';')}${end}`;
  });
}
