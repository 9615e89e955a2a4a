// What is said of ways to other nodes: which one is used, over whom, from where, how far and how surely, in both languages.
import { flushPromises, mount } from '@vue/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { setLocale, withWords } from '@/app/i18n';
import LinksCard from '@/features/admin/LinksCard.vue';
import { api } from '@/net/api';
import type { Links, Route } from '@/net/types';

const route = (more: Partial<Route>): Route => ({ node: '018f', name: 'host', kind: 'lan', where: 'http://192.168.1.2:8080', state: 'up', best: false, since: '2026-11-22T08:00:00.000Z', ...more });
const said: Links = {
  state: 'up',
  links: [{ url: 'mqtt://broker.example.org', state: 'up', rtt_us: 1500 } as NonNullable<Links['links']>[number]],
  routes: [
    route({ kind: 'relay', where: 'via home', via: 'home', rtt_us: 42_000, loss_ppm: 250_000 }),
    route({ kind: 'wan', where: 'from 203.0.113.7', from: '203.0.113.7', rtt_us: 12_340, best: true }),
    route({ name: 'attic', kind: 'dialled', where: 'http://198.51.100.1:8080', state: 'down', why: 'no answer' }),
    route({ name: 'attic', kind: 'broker', where: 'mqtt://broker.example.org', best: true }),
  ],
};

async function lines(answer: Links) {
  vi.spyOn(api, 'get').mockResolvedValue(answer);
  const card = mount(LinksCard);
  await flushPromises();
  const all = card.findAll('li').map((li) => li.text().replaceAll('\u00a0', ' '));
  const titles = card.findAll('h1, h2, h3').map((h) => h.text());
  card.unmount();
  return { all, titles };
}

beforeEach(() => withWords('admin', async () => null));
afterEach(() => vi.restoreAllMocks());

test('in English', async () => {
  await setLocale('en');
  const { all, titles } = await lines(said);
  expect(titles).toContain('Ways to other nodes');
  // By node, and of each the one that is used first.
  expect(all).toEqual([
    'mqtt://broker.example.org1.5 msup',
    'atticin usethrough a broker · mqtt://broker.example.orgup',
    'atticdirect · http://198.51.100.1:8080 · no answerdown',
    'hostin useover the internet · came in from 203.0.113.7 · 12.3 msup',
    'hostthrough another node · home · 42 ms · 25% lostup',
  ]);
});

test('in Russian', async () => {
  await setLocale('ru');
  const { all, titles } = await lines(said);
  expect(titles).toContain('Пути к другим узлам');
  expect(all.slice(1)).toEqual([
    expect.stringMatching(/^atticиспользуетсячерез брокер · mqtt:\/\/broker\.example\.org/),
    expect.stringMatching(/^atticнапрямую · http:\/\/198\.51\.100\.1:8080 · no answer/),
    expect.stringMatching(/^hostиспользуетсячерез интернет · пришёл с адреса 203\.0\.113\.7 · 12,3 мс/),
    expect.stringMatching(/^hostчерез другой узел · home · 42 мс · потеряно 25 %/),
  ]);
});

test('a node that has neither brokers nor others, and one that does not know the question, say nothing', async () => {
  await setLocale('en');
  expect((await lines({ state: 'none' })).all).toEqual([]);
  vi.spyOn(api, 'get').mockRejectedValue(new Error('404'));
  const card = mount(LinksCard);
  await flushPromises();
  expect(card.text()).toBe('');
  card.unmount();
});
