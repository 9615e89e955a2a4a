/** features/settings/device: what a browser says it is, in words that somebody recognises. */
import type { IconName } from '@/kit/icons';

const programs: [RegExp, string][] = [
  [/\bEdg\//, 'Edge'], [/\bOPR\//, 'Opera'], [/\bYaBrowser\//, 'Yandex'], [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'], [/\b(Chrome|CriOS|HeadlessChrome)\//, 'Chrome'], [/\bSafari\//, 'Safari'], [/^neuralchat/i, 'NeuralChat'], [/^curl/, 'curl'],
];
const systems: [RegExp, string][] = [
  [/Android/, 'Android'], [/iPhone|iPad|iPod/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X|Macintosh/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux'],
];

export function deviceOf(agent: string): { name: string; icon: IconName } {
  const named = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent))?.[1];
  const name = [named(programs), named(systems)].filter(Boolean).join(' · ') || agent.slice(0, 80);
  const icon = /Mobile|Android|iPhone/.test(agent) ? 'smartphone' : /^(neuralchat|curl)/i.test(agent) ? 'terminal' : 'laptop';
  return { name, icon };
}
