/** Every sentence of the test. */
import { gettext, interpolate, language, ngettext } from '../i18n';
import type { BandwidthFound, PathFound, Results, StepName, StepState, Transport } from './steps';
import type { Verdict, VerdictWhy } from './verdict';

export const words = {
  start: () => gettext('Start the test'),
  stop: () => gettext('Stop'),
  startAgain: () => gettext('Test again'),
  again: () => gettext('Try again'),
  steps: () => gettext('What is tested'),
  stopped: () => gettext('The test was stopped before its end.'),
  result: () => gettext('Result'),
  offNow: () => gettext('Camera and microphone are off again.'),
  noAddresses: () => gettext('It holds no addresses of your network and nothing about you or a patient.'),
  report: () => gettext('Report for the IT desk'),
  copy: () => gettext('Copy'),
  copied: () => gettext('Copied'),
  notCopied: () => gettext('The browser did not copy. The report is selected: copy it with the keyboard.'),
  download: () => gettext('Download'),
  microphone: () => gettext('Microphone'),
  camera: () => gettext('Camera'),
  loudspeaker: () => gettext('Loudspeaker'),
  system: () => gettext('As the system'),
  nth: (n: number) => interpolate(gettext('Device %(n)s'), { n }),
  speak: () => gettext('Say a few words: the bar has to move.'),
  allowMicrophone: () => gettext('Allow the microphone in the question that your browser asks.'),
  allowCamera: () => gettext('Allow the camera in the question that your browser asks.'),
  preview: () => gettext('What your camera sees'),
  heard: () => gettext('Did you hear two notes?'),
  yes: () => gettext('Yes'),
  no: () => gettext('No'),
  play: () => gettext('Play again'),
  playing: () => gettext('Two notes are played …'),
} as const;

const STEP: Record<StepName, () => string> = {
  browser: () => gettext('Browser'),
  microphone: () => gettext('Microphone'),
  camera: () => gettext('Camera'),
  loudspeaker: () => gettext('Loudspeaker'),
  socket: () => gettext('Connection to this site'),
  relay: () => gettext('Way to the others (relay)'),
  bandwidth: () => gettext('Speed of the line'),
  server: () => gettext('Media server'),
};

const STATE: Record<StepState, () => string> = {
  waiting: () => gettext('Waiting'),
  running: () => gettext('Running'),
  good: () => gettext('Good'),
  weak: () => gettext('Weak'),
  failed: () => gettext('Failed'),
  left_out: () => gettext('Left out'),
};

export const stepName = (step: StepName): string => STEP[step]();
export const stateName = (state: StepState): string => STATE[state]();

/** Whole ms. */
export function ms(value: number): string {
  return interpolate(gettext('%(n)s ms'), { n: Math.round(value).toLocaleString(language()) });
}

/** Megabits from a thousand kilobits on, with one decimal. */
export function rate(kbps: number): string {
  if (kbps < 1000) return interpolate(gettext('%(n)s kbit/s'), { n: Math.round(kbps).toLocaleString(language()) });
  return interpolate(gettext('%(n)s Mbit/s'), { n: (kbps / 1000).toLocaleString(language(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }) });
}

function percent(part: number, digits = 1): string {
  return part.toLocaleString(language(), { style: 'percent', maximumFractionDigits: digits });
}

export function transportName(transport: Transport | 'socket'): string {
  return transport === 'socket' ? 'WebSocket' : transport.toUpperCase();
}

const PATH: Record<PathFound['why'], () => string> = {
  ok: () => gettext('connected'),
  unreachable: () => gettext('not reachable'),
  refused: () => gettext('refuses the credentials'),
  full: () => gettext('has no room left'),
  no_passage: () => gettext('answers, but lets nothing through'),
  invalid: () => gettext('is no address that this browser understands'),
};

/** `UDP turn.example.org:3478: connected in 34 ms` */
export function pathLine(path: PathFound): string {
  const host = path.host.includes(':') ? `[${path.host}]` : path.host;
  const shut = path.transport === 'tls' && path.why === 'unreachable' ? gettext('not reachable, or its certificate is not trusted here') : PATH[path.why]();
  const how = path.ms === null ? shut : interpolate(gettext('connected in %(time)s'), { time: ms(path.ms) });
  return `${transportName(path.transport)} ${host}:${path.port}: ${how}`;
}

/** Of each step: what was found, in one or two sentences that also say what to do. Keys are `step.why`. */
const FOUND: Record<string, () => string> = {
  'browser.ok': () => gettext('This browser can make calls.'),
  'browser.insecure': () => gettext('Browsers give no microphone to a page without https. Ask your IT desk for the site’s https address.'),
  'browser.no_calls': () => gettext('This browser cannot make calls. Use a current Chrome, Edge, Firefox or Safari.'),
  'microphone.ok': () => gettext('Your voice comes through.'),
  'microphone.silent': () => gettext('It gives no sound. Is it muted, on the device or in the system? Choose another one, or try again.'),
  'microphone.refused': () => gettext('The browser was not allowed to use it. Press the lock beside the address, allow the microphone, and try again.'),
  'microphone.none': () => gettext('No microphone was found. Plug one in, or a headset, and try again.'),
  'microphone.taken': () => gettext('Another program has it. Close other calls and try again.'),
  'microphone.broken': () => gettext('It did not begin. Unplug it, plug it in again, and try again.'),
  'camera.ok': () => gettext('The picture moves.'),
  'camera.dark': () => gettext('The picture is black. Is the lid of the camera open?'),
  'camera.small': () => gettext('The picture is small. Choose another camera if you have one.'),
  'camera.still': () => gettext('It gives no moving picture. Close other programs that use it, and try again.'),
  'camera.refused': () => gettext('The browser was not allowed to use it. Press the lock beside the address, allow the camera, and try again.'),
  'camera.none': () => gettext('No camera was found. You can take part with sound only.'),
  'camera.taken': () => gettext('Another program has it. Close other calls and try again.'),
  'camera.broken': () => gettext('It did not begin. Unplug it, plug it in again, and try again.'),
  'loudspeaker.ok': () => gettext('You hear the others.'),
  'loudspeaker.not_heard': () => gettext('Turn the sound up, choose another loudspeaker or plug in a headset, and try again.'),
  'loudspeaker.broken': () => gettext('This browser can play no sound now. Is a loudspeaker or headset plugged in?'),
  'socket.ok': () => gettext('The room’s connection works.'),
  'socket.slow': () => gettext('It works, but answers come late. Use a cable instead of WLAN, or end other downloads.'),
  'socket.blocked': () => gettext('The connection was cut before it began. A proxy or firewall blocks WebSockets to this site: give the report to your IT desk.'),
  'socket.cut': () => gettext('The connection was cut on the way. Try again; if it stays so, give the report to your IT desk.'),
  'socket.session': () => gettext('You are signed in no more. Reload the page and sign in again.'),
  'socket.busy': () => gettext('Many people test now. Try again in a minute.'),
  'socket.restart': () => gettext('The site is being renewed. Try again in a minute.'),
  'relay.ok': () => gettext('Every way to the relay is open.'),
  'relay.spare_missing': () => gettext('The best way is open; not all of the spare ones are.'),
  'relay.no_udp': () => gettext('Your network lets no UDP through. Picture and sound take a detour over TCP: they work, but may falter when the line is busy. Ask your IT desk to allow the UDP port below.'),
  'relay.only_tls': () => gettext('Your network lets only TLS through. Picture and sound take a detour: they work, but may falter when the line is busy. Ask your IT desk to allow the ports below.'),
  'relay.none': () => gettext('No way to the relay is open: outside of your own network you would neither hear nor see anybody. Ask your IT desk to allow the ports below.'),
  'relay.refused': () => gettext('The relay refuses what this site gives out for it. That is for the operator of this site to mend.'),
  'relay.full': () => gettext('The relay has no room left. Try again later, or tell the operator of this site.'),
  'relay.no_passage': () => gettext('The relay answers, but lets nothing through. That is for the operator of this site to mend.'),
  'relay.no_ticket': () => gettext('The site did not answer. Reload the page and try again.'),
  'relay.too_often': () => gettext('You tested often in a short time. Wait a few minutes and try again.'),
  'relay.left_out': () => gettext('This site has no relay: participants have to reach each other directly.'),
  'bandwidth.ok': () => gettext('Fast enough for picture and sound.'),
  'bandwidth.narrow': () => gettext('Enough for sound, too slow for pictures. Use a cable instead of WLAN, or end other downloads.'),
  'bandwidth.too_narrow': () => gettext('Too slow, even for sound. Use another network, or take part by telephone.'),
  'bandwidth.lossy': () => gettext('Some of it gets lost on the way: words may be missing. Use a cable instead of WLAN.'),
  'bandwidth.too_lossy': () => gettext('Too much of it gets lost on the way to understand each other. Use a cable or another network.'),
  'bandwidth.far': () => gettext('It takes long to the other end: let each other finish. A VPN often is the cause.'),
  'bandwidth.broken': () => gettext('Nothing came through. Try again; if it stays so, give the report to your IT desk.'),
  'server.ok': () => gettext('It answers.'),
  'server.unreachable': () => gettext('It does not answer. Ask your IT desk to allow the host below.'),
  'server.left_out': () => gettext('This site has none: calls go from browser to browser.'),
};

/** The sentence for what a step found; empty while there is nothing. */
export function found(step: StepName, results: Results): string {
  const result = results[step];
  return result ? FOUND[`${step}.${result.why}`]!() : '';
}

/** The figures of a step, each as short as it can be. */
export function figures(step: StepName, results: Results): string[] {
  switch (step) {
    case 'browser':
      return results.browser ? [results.browser.screen ? gettext('screens can be shared') : gettext('screens cannot be shared from this device')] : [];
    case 'microphone': {
      const it = results.microphone;
      return it ? [...devicesFound(it.count), ...(it.level ? [interpolate(gettext('loudest %(part)s'), { part: percent(it.level, 0) })] : [])] : [];
    }
    case 'camera': {
      const it = results.camera;
      return it ? [...devicesFound(it.count), ...(it.width ? [`${it.width} × ${it.height}`, interpolate(gettext('%(n)s pictures a second'), { n: it.fps })] : [])] : [];
    }
    case 'loudspeaker':
      return devicesFound(results.loudspeaker?.count ?? 0);
    case 'socket': {
      const it = results.socket;
      if (!it) return [];
      const times = it.median === null || it.p95 === null ? [] : [interpolate(gettext('there and back %(median)s, slowest %(slow)s'), { median: ms(it.median), slow: ms(it.p95) })];
      return it.close === null ? times : [...times, interpolate(gettext('closed with %(code)s'), { code: it.close })];
    }
    case 'relay':
      return (results.relay?.paths ?? []).map(pathLine);
    case 'bandwidth':
      return results.bandwidth ? speeds(results.bandwidth) : [];
    case 'server':
      return (results.server?.hosts ?? []).map((host) => `TLS ${host.host}:${host.port}: ${host.ms === null ? gettext('not reachable') : interpolate(gettext('answers in %(time)s'), { time: ms(host.ms) })}`);
  }
}

/** Before a device was allowed, browsers name none. */
function devicesFound(n: number): string[] {
  return n ? [interpolate(ngettext('%(n)s device', '%(n)s devices', n), { n })] : [];
}

function speeds(it: BandwidthFound): string[] {
  const said = [interpolate(gettext('over %(way)s'), { way: transportName(it.over) })];
  if (it.over !== 'socket' && it.up !== null) said.push(interpolate(gettext('%(rate)s both ways'), { rate: rate(it.up) }));
  if (it.over === 'socket' && it.up !== null) said.push(interpolate(gettext('%(rate)s out'), { rate: rate(it.up) }));
  if (it.over === 'socket' && it.down !== null) said.push(interpolate(gettext('%(rate)s in'), { rate: rate(it.down) }));
  if (it.loss !== null) said.push(interpolate(gettext('%(part)s lost'), { part: percent(it.loss) }));
  if (it.median !== null && it.p95 !== null) said.push(interpolate(gettext('delay %(median)s, slowest %(slow)s'), { median: ms(it.median), slow: ms(it.p95) }));
  return said;
}

const VERDICT: Record<VerdictWhy, () => string> = {
  good: () => gettext('Picture and sound will work.'),
  marked: () => gettext('Picture and sound will work; look at what is marked as weak.'),
  no_udp: () => gettext('Picture and sound will work, less smoothly than they could: your network lets no UDP through.'),
  direct: () => gettext('Picture and sound will work where participants reach each other directly: this site has no relay for the others.'),
  server_only: () => gettext('Picture and sound will work through the media server, which answers.'),
  no_camera: () => gettext('Sound only: no picture of you can be sent.'),
  narrow: () => gettext('Sound only: the line is too slow for pictures.'),
  mute_and_deaf: () => gettext('Not yet: nobody would hear you, and you would hear nobody. Try a headset.'),
  unheard: () => gettext('Not yet: nobody would hear you. Mend the microphone first.'),
  silent: () => gettext('Not yet: the microphone gave no sound. Check it once more.'),
  deaf: () => gettext('Not yet: you would hear nobody. Mend the loudspeaker first.'),
  session: () => gettext('Sign in again, then repeat the test.'),
  later: () => gettext('The site could not test everything now: try again in a few minutes.'),
  browser: () => gettext('Ask your IT desk: this browser cannot make calls.'),
  insecure: () => gettext('Ask your IT desk: this address is not encrypted (https), so browsers give no microphone.'),
  socket: () => gettext('Ask your IT desk: the connection to this site (WebSocket) is blocked.'),
  relay: () => gettext('Ask your IT desk: your network blocks every way to the relay.'),
  server: () => gettext('Ask your IT desk: your network does not reach the media server.'),
  line: () => gettext('Ask your IT desk: the line is not good enough for a call.'),
  relay_refuses: () => gettext('Tell the operator of this site: the relay refuses its credentials.'),
  relay_full: () => gettext('Tell the operator of this site: the relay has no room left.'),
  relay_shut: () => gettext('Tell the operator of this site: the relay answers, but lets nothing through.'),
};

export const verdictSentence = (verdict: Verdict): string => VERDICT[verdict.why]();

export const reportWords = {
  title: () => gettext('Test of picture and sound'),
  time: () => gettext('Time'),
  site: () => gettext('Site'),
  browser: () => gettext('Browser'),
  result: () => gettext('Result'),
  tried: () => gettext('Hosts and ports that were tried'),
  types: () => gettext('Kinds of network candidates, without addresses'),
  none: () => gettext('none'),
  version: (version: string) => interpolate(gettext('version %(version)s'), { version }),
} as const;
