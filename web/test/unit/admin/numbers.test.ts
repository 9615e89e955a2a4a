import { expect, test } from 'vitest';
import { parseMetrics } from '../../../src/features/admin/metrics';
import { type UsageRow, daysOf, sumBy } from '../../../src/features/admin/usage';
import { deviceOf } from '../../../src/features/settings/device';

const row = (day: string, user: string, model: string, prompt: number, completion: number): UsageRow => ({ day, user, provider: 'p', model, requests: 1, prompt_tokens: prompt, completion_tokens: completion, estimated: 0 });
const rows = [row('2026-11-20', 'a', 'm', 10, 5), row('2026-11-21', 'a', 'n', 1, 1), row('2026-11-21', 'b', 'm', 100, 50)];

test('usage is summed up by what is asked for: days the newest first, all else by its cost', () => {
  expect(sumBy(rows, 'day').map((sum) => [sum.id, sum.prompt_tokens])).toEqual([['2026-11-21', 101], ['2026-11-20', 10]]);
  expect(sumBy(rows, 'user').map((sum) => [sum.id, sum.requests])).toEqual([['b', 1], ['a', 2]]);
  expect(sumBy(rows, 'model').map((sum) => sum.id)).toEqual(['p/m', 'p/n']);
});

test('a chart has every day, also those without a question', () => {
  const usage = { from: '2026-11-19', to: '2026-11-22', rows, totals: rows[0]!, names: {}, today: { tokens: 0, requests: 0 } };
  expect(daysOf(usage).map((day) => [day.id, day.completion_tokens])).toEqual([['2026-11-19', 0], ['2026-11-20', 5], ['2026-11-21', 51], ['2026-11-22', 0]]);
});

test('metrics: labels are added up, a histogram tells what nineteen of twenty stay below', () => {
  const found = parseMetrics('# HELP x\nneuralchat_ai_running{by="rooms"} 2\nneuralchat_ai_running{by="programs"} 1\nneuralchat_s_bucket{le="0.1"} 94\nneuralchat_s_bucket{le="0.5"} 96\nneuralchat_s_bucket{le="+Inf"} 100\nneuralchat_s_sum 4.5e-1\nneuralchat_s_count 100\n');
  expect(found.get('neuralchat_ai_running')).toBe(3);
  expect(found.get('neuralchat_s_p95')).toBe(0.5);
  expect(found.get('neuralchat_s_sum')).toBe(0.45);
});

test('a device is told in words that somebody knows again', () => {
  expect(deviceOf('Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36')).toEqual({ name: 'Chrome · Android', icon: 'smartphone' });
  expect(deviceOf('neuralchat/0.1.0')).toEqual({ name: 'NeuralChat', icon: 'terminal' });
  expect(deviceOf('')).toEqual({ name: '', icon: 'laptop' });
});
