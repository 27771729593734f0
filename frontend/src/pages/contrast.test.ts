import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

type Theme = 'light' | 'dark';

/** Colour tokens of tokens.css as hex values, one set for each theme. */
function colours(theme: Theme, css = readFileSync('css/tokens.css', 'utf8')): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, light, dark] of css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g)) {
    found.set(name!, theme === 'light' ? light! : dark!);
  }
  return found;
}

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const channel = parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high! + 0.05) / (low! + 0.05);
}

const surfaces = ['surface', 'surface-2', 'surface-3'];
const hospitals = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `hospital-${n}`);
const softs = ['accent-soft', 'ok-soft', 'warn-soft', 'danger-soft'];

/** [foreground, background, least ratio]: 4.5 for text (1.4.3), 3 for edges of controls and focus (1.4.11). */
const pairs: [string, string, number][] = [
  ...[...surfaces, ...softs].flatMap((on): [string, string, number][] => [
    ['text', on, 7],
    ['text-muted', on, 4.5],
  ]),
  ...surfaces.flatMap((on) =>
    ['accent', 'ok', 'warn', 'danger', ...hospitals].map((name): [string, string, number] => [name, on, 4.5]),
  ),
  ...['accent', 'ok', 'warn', 'danger'].map((name): [string, string, number] => [name, `${name}-soft`, 4.5]),
  ...['ok', 'warn', 'danger', ...hospitals].map((name): [string, string, number] => ['on-strong', name, 4.5]),
  ['accent-text', 'accent', 4.5],
  ...surfaces.flatMap((on): [string, string, number][] => [
    ['line-strong', on, 3],
    ['focus', on, 3],
  ]),
];

/** Pairs below their ratio, as "name on name: ratio". */
function failures(tokens: Map<string, string>): string[] {
  return pairs.flatMap(([fore, back, least]) => {
    const ratio = contrast(tokens.get(fore)!, tokens.get(back)!);
    return ratio < least ? [`${fore} on ${back}: ${ratio.toFixed(2)} < ${least}`] : [];
  });
}

test.each<Theme>(['light', 'dark'])('the %s colours have the contrast that people need', (theme) => {
  expect(failures(colours(theme))).toEqual([]);
});

test('a grey that is too light is found', () => {
  const tokens = colours('light');
  tokens.set('text-muted', '#9aa3b2');
  expect(failures(tokens)).toHaveLength(surfaces.length + softs.length);
});
