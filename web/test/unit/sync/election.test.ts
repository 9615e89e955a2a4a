// @vitest-environment node
// Tabs of one browser with a clock, a lock and a channel of their own: whatever freezes, hides and closes, one leads.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newTab, SILENCE_MS, step, type Action, type Input, type Tab } from '../../../src/sync/election';

class Browser {
  now = 1_000_000;
  tabs: { id: string; tab: Tab; frozen: boolean; inbox: Input[]; leads: boolean; queued: boolean }[] = [];
  holder: string | null = null;
  queue: string[] = [];

  open(id: string, visible: boolean): void {
    this.tabs.push({ id, tab: newTab(visible, this.now), frozen: false, inbox: [], leads: false, queued: false });
    this.feed(id, { t: 'start' });
  }
  find(id: string) {
    return this.tabs.find((tab) => tab.id === id)!;
  }
  /** A frozen tab gets its words when it thaws; its lock can be taken from it all the same. */
  feed(id: string, input: Input): void {
    const entry = this.find(id);
    if (entry.frozen) return void entry.inbox.push(input);
    const [tab, actions] = step(entry.tab, input, this.now);
    entry.tab = tab;
    for (const action of actions) this.act(id, action);
  }
  private grant(id: string): void {
    this.holder = id;
    this.queue = this.queue.filter((queued) => queued !== id);
    this.feed(id, { t: 'granted' });
  }
  private next(): void {
    this.holder = null;
    const id = this.queue[0];
    if (id !== undefined) this.grant(id);
  }
  private act(id: string, action: Action): void {
    const entry = this.find(id);
    switch (action.do) {
      case 'request':
        if (this.holder === id || this.queue.includes(id)) return;
        this.queue.push(id);
        if (this.holder === null) this.next();
        return;
      case 'abort':
        this.queue = this.queue.filter((queued) => queued !== id);
        return;
      case 'steal': {
        const before = this.holder;
        this.queue = this.queue.filter((queued) => queued !== id);
        this.holder = id;
        if (before !== null && before !== id) this.feed(before, { t: 'lost' });
        this.feed(id, { t: 'granted' });
        return;
      }
      case 'release':
        if (this.holder === id) this.next();
        return;
      case 'lead':
        entry.leads = true;
        return;
      case 'follow':
        entry.leads = false;
        return;
      case 'say-beat':
        for (const other of this.tabs) if (other.id !== id) this.feed(other.id, { t: 'heard-beat', visible: entry.tab.visible });
        return;
      case 'say-want':
        for (const other of this.tabs) if (other.id !== id) this.feed(other.id, { t: 'heard-want', from: id });
        return;
      case 'say-yield':
        this.feed(action.to, { t: 'heard-yield' });
    }
  }
  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1_000) {
      this.now += 1_000;
      for (const { id, frozen } of [...this.tabs]) if (!frozen) this.feed(id, { t: 'tick' });
    }
  }
  /** Without a word, as a browser does it to a tab in the background. */
  freeze(id: string, said: boolean): void {
    if (this.find(id).frozen) return;
    if (said) this.feed(id, { t: 'freeze' });
    this.find(id).frozen = true;
  }
  thaw(id: string): void {
    const entry = this.find(id);
    if (!entry.frozen) return;
    entry.frozen = false;
    for (const input of entry.inbox.splice(0)) this.feed(id, input);
    this.feed(id, { t: 'thaw' });
  }
  close(id: string): void {
    this.tabs = this.tabs.filter((tab) => tab.id !== id);
    this.queue = this.queue.filter((queued) => queued !== id);
    if (this.holder === id) this.next();
  }
  awake = () => this.tabs.filter(({ frozen }) => !frozen);
  leaders = () => this.awake().filter(({ leads }) => leads);
}

describe('the election', () => {
  it('gives a hidden leader its place to a visible tab at once', () => {
    const browser = new Browser();
    browser.open('a', true);
    browser.open('b', true);
    expect(browser.leaders().map(({ id }) => id)).toEqual(['a']);
    browser.feed('a', { t: 'visible', on: false });
    expect(browser.leaders().map(({ id }) => id)).toEqual(['b']);
    browser.run(30_000);
    expect(browser.leaders().map(({ id }) => id)).toEqual(['b']);
  });

  it('replaces a leader that fell silent, and takes it back as a follower', () => {
    const browser = new Browser();
    browser.open('a', true);
    browser.open('b', false);
    browser.freeze('a', false);
    browser.run(SILENCE_MS - 1_000);
    expect(browser.leaders()).toEqual([]);
    browser.run(4_000);
    expect(browser.leaders().map(({ id }) => id)).toEqual(['b']);
    browser.thaw('a');
    browser.run(2_000);
    expect(browser.leaders()).toHaveLength(1);
  });

  it('hands over when the leader is frozen with a word, or closed', () => {
    const browser = new Browser();
    browser.open('a', true);
    browser.open('b', true);
    browser.freeze('a', true);
    expect(browser.leaders().map(({ id }) => id)).toEqual(['b']);
    browser.close('b');
    browser.thaw('a');
    expect(browser.leaders().map(({ id }) => id)).toEqual(['a']);
  });

  it('a tab that slept does not take the lead from one it could not hear', () => {
    const browser = new Browser();
    browser.open('a', true);
    browser.open('b', true);
    browser.freeze('b', false);
    browser.run(60_000);
    browser.find('b').inbox = []; // the channel kept nothing
    browser.thaw('b');
    browser.feed('b', { t: 'tick' });
    expect(browser.leaders().map(({ id }) => id)).toEqual(['a']);
  });

  it('is over while all is quiet: nobody takes what somebody has', () => {
    const browser = new Browser();
    browser.open('a', true);
    browser.open('b', true);
    browser.open('c', false);
    let changes = 0;
    const granted = browser.feed.bind(browser);
    browser.feed = (id, input) => {
      if (input.t === 'granted' || input.t === 'lost') changes += 1;
      granted(id, input);
    };
    browser.run(120_000);
    expect([changes, browser.leaders().map(({ id }) => id)]).toEqual([0, ['a']]);
  });

  it('who lost the lead stands in the queue again: when the other closes without a word, it goes on at once', () => {
    const browser = new Browser();
    browser.open('a', true);
    browser.open('b', true);
    browser.feed('a', { t: 'visible', on: false });
    expect(browser.leaders().map(({ id }) => id)).toEqual(['b']);
    browser.close('b');
    expect(browser.leaders().map(({ id }) => id)).toEqual(['a']);
  });

  it('a lock that comes to a tab that is put away is given back', () => {
    const [away] = step(newTab(true, 0), { t: 'freeze' }, 1);
    expect(step(away, { t: 'granted' }, 2)).toEqual([away, [{ do: 'release' }]]);
  });

  it('has exactly one leader once things are quiet, a visible one if there is one', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ do: fc.constantFrom('open', 'close', 'hide', 'show', 'freeze', 'freeze-said', 'thaw', 'run'), tab: fc.nat(4), visible: fc.boolean(), ms: fc.integer({ min: 0, max: 20_000 }) }),
          { maxLength: 40 },
        ),
        (steps) => {
          const browser = new Browser();
          browser.open('t9', true);
          for (const next of steps) {
            const id = `t${next.tab}`;
            const there = browser.tabs.some((tab) => tab.id === id);
            if (next.do === 'open' && !there) browser.open(id, next.visible);
            else if (next.do === 'run') browser.run(next.ms);
            else if (!there) continue;
            else if (next.do === 'close') browser.close(id);
            else if (next.do === 'hide' || next.do === 'show') browser.feed(id, { t: 'visible', on: next.do === 'show' });
            else if (next.do === 'thaw') browser.thaw(id);
            else if (next.do === 'freeze' || next.do === 'freeze-said') browser.freeze(id, next.do === 'freeze-said');
          }
          for (const { id } of [...browser.tabs]) browser.thaw(id);
          browser.run(40_000);
          expect(browser.leaders()).toHaveLength(1);
          expect(browser.holder).toBe(browser.leaders()[0]!.id);
          if (browser.tabs.some(({ tab }) => tab.visible)) expect(browser.leaders()[0]!.tab.visible).toBe(true);
        },
      ),
      { numRuns: 1000 },
    ));
});
