// What is said of ways to other nodes: which one is used, over whom, from where, how far and how surely, in both languages.
import { readFileSync, readdirSync } from 'node:fs';
import { flushPromises, mount } from '@vue/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { setLocale, withWords } from '@/app/i18n';
import LinksCard from '@/features/admin/LinksCard.vue';
import { linkWhy, NODE_WORDS } from '@/features/admin/link-why';
import { api } from '@/net/api';
import type { Links, Route } from '@/net/types';

const route = (more: Partial<Route>): Route => ({ node: '018f', name: 'host', kind: 'lan', where: 'http://192.168.1.2:8080', state: 'up', best: false, since: '2026-11-22T08:00:00.000Z', ...more });
const said: Links = {
  state: 'up',
  links: [{ url: 'mqtt://broker.example.org', state: 'up', rtt_us: 1500 } as NonNullable<Links['links']>[number]],
  routes: [
    route({ kind: 'relay', where: 'via home', via: 'home', rtt_us: 42_000, loss_ppm: 250_000 }),
    route({ kind: 'wan', where: 'from 203.0.113.7', from: '203.0.113.7', rtt_us: 12_340, best: true }),
    route({ name: 'attic', kind: 'dialled', where: 'http://198.51.100.1:8080', state: 'down', why: 'connect timeout' }),
    route({ name: 'attic', kind: 'broker', where: 'mqtt://broker.example.org', best: true }),
  ],
};

async function lines(answer: Links) {
  vi.spyOn(api, 'get').mockResolvedValue(answer);
  const card = mount(LinksCard);
  await flushPromises();
  const all = card.findAll('li').map((li) => li.text().replaceAll('\u00a0', ' '));
  const told = card.findAll('[title]').map((span) => span.attributes('title'));
  const titles = card.findAll('h1, h2, h3').map((h) => h.text());
  card.unmount();
  return { all, titles, told };
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
    'atticdirect · http://198.51.100.1:8080 · no answer in timedown',
    'hostin useover the internet · came in from 203.0.113.7 · 12.3 msup',
    'hostthrough another node · home · 42 ms · 25% lostup',
  ]);
});

test('in Russian', async () => {
  await setLocale('ru');
  const { all, titles, told } = await lines(said);
  expect(told).toEqual(['connect timeout']); // what the node said is there, too
  expect(titles).toContain('Пути к другим узлам');
  expect(all.slice(1)).toEqual([
    expect.stringMatching(/^atticиспользуетсячерез брокер · mqtt:\/\/broker\.example\.org/),
    expect.stringMatching(/^atticнапрямую · http:\/\/198\.51\.100\.1:8080 · нет ответа за отведённое время/),
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

test('why something is not reached: in words of the reader, or in those that there are', async () => {
  await setLocale('ru');
  expect(linkWhy('certificate not trusted')).toBe('сертификату нет доверия');
  expect(linkWhy('refused 403')).toBe('отказ (HTTP 403)');
  expect(linkWhy('refused: Not authorized')).toBe('брокер отказывает: Not authorized');
  for (const strange of ['refused by the moon', 'No route to host', '']) expect(linkWhy(strange)).toBe(strange);
});

test('the words that are known are those of the node, and each has words in both languages', async () => {
  const sources = ['mesh', 'net'].flatMap((folder) => readdirSync(`../src/${folder}`).filter((name) => name.endsWith('.c')).map((name) => readFileSync(`../src/${folder}/${name}`, 'utf8'))).join('\n');
  for (const [code, all] of Object.entries(NODE_WORDS)) {
    for (const words of all) expect(sources, words).toMatch(new RegExp(`"${words.replace('%', '%[us]').replaceAll('.', '\\.')}"`));
    for (const to of ['en', 'ru'] as const) {
      await setLocale(to);
      expect(linkWhy(all[0]!.replace('%', '403')), `${code}, ${to}`).not.toMatch(/^admin\./);
    }
  }
});
