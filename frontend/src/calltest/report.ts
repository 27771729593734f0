/** The test as plain text, for the IT desk. Made in the page, sent nowhere. No names of devices (people call them by their own), no
 * addresses but those of site, relay and media server. Pure. */
import { STEPS, type Results } from './steps';
import type { Verdict } from './verdict';
import { figures, found, pathLine, reportWords, stateName, stepName, transportName, verdictSentence, words } from './words';

export interface Around {
  at: Date;
  origin: string; // of the site
  socket: string; // the path of the socket below it
  version: string;
  browser: string;
  language: string;
}

export function report(results: Results, verdict: Verdict | null, around: Around): string {
  const lines = [
    `MDO: ${reportWords.title()}`,
    `${reportWords.time()}: ${when(around)}`,
    `${reportWords.site()}: ${around.origin}${around.version ? `, ${reportWords.version(around.version)}` : ''}`,
    `${reportWords.browser()}: ${around.browser}`,
    `${reportWords.result()}: ${verdict ? verdictSentence(verdict) : words.stopped()}`,
    '',
  ];
  STEPS.forEach((step, at) => {
    lines.push(`${at + 1}. ${stepName(step)}: ${stateName(results[step]?.grade ?? 'waiting')}`);
    const sentence = found(step, results);
    if (sentence) lines.push(`   ${sentence}`);
    for (const figure of figures(step, results)) lines.push(`   - ${figure}`);
  });
  lines.push('', `${reportWords.tried()}:`, ...tried(results, around).map((line) => `- ${line}`));
  if (results.relay) lines.push('', `${reportWords.types()}: ${results.relay.types.join(', ') || reportWords.none()}`);
  return `${lines.join('\n')}\n`;
}

/** `mdo-call-test-2026-11-25-1403.txt` */
export function fileName(at: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `mdo-call-test-${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}-${two(at.getHours())}${two(at.getMinutes())}.txt`;
}

function when({ at, language }: Around): string {
  return new Intl.DateTimeFormat(language, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' }).format(at);
}

function tried(results: Results, around: Around): string[] {
  const said: string[] = [];
  if (results.socket) {
    const site = new URL(around.origin);
    const secure = site.protocol === 'https:';
    const port = site.port || (secure ? '443' : '80');
    said.push(`${transportName('socket')} ${secure ? 'wss' : 'ws'}://${site.hostname}:${port}${around.socket}: ${stateName(results.socket.grade)}`);
  }
  for (const path of results.relay?.paths ?? []) said.push(pathLine(path));
  return [...said, ...figures('server', results)];
}
