// The election's hands and ears: Web Locks, the page's life cycle, a clock that never goes back. Words go through the person's channel.
import { newTab, step, type Action, type Input, type Tab } from './election';

export type LeaderWord = { t: 'beat'; visible: boolean } | { t: 'want'; from: string } | { t: 'yield'; to: string };
export interface LeaderOptions {
  /** Carries the user's id: two people in one browser have a socket each. */
  lock: string;
  tell(word: LeaderWord): void;
  lead(): void;
  follow(): void;
}
export interface Leadership {
  hear(word: LeaderWord): void;
  stop(): void;
}

export const canElect = (): boolean => typeof navigator !== 'undefined' && !!navigator.locks && typeof BroadcastChannel === 'function';

const TICK_MS = 1_000;

export function runForLeader({ lock, tell, lead, follow }: LeaderOptions): Leadership {
  const me = crypto.randomUUID();
  let tab: Tab = newTab(document.visibilityState === 'visible', performance.now());
  let pending: AbortController | null = null;
  let release: (() => void) | null = null;
  let stopped = false;

  const feed = (input: Input) => {
    if (stopped) return;
    const [next, actions] = step(tab, input, performance.now());
    tab = next;
    for (const action of actions) act(action);
  };

  function act(action: Action): void {
    switch (action.do) {
      case 'request':
        if (!pending && !release) ask(false);
        break;
      case 'steal':
        pending?.abort();
        ask(true);
        break;
      case 'abort':
        pending?.abort();
        pending = null;
        break;
      case 'release':
        release?.();
        release = null;
        break;
      case 'lead':
        lead();
        break;
      case 'follow':
        follow();
        break;
      case 'say-beat':
        tell({ t: 'beat', visible: tab.visible });
        break;
      case 'say-want':
        tell({ t: 'want', from: me });
        break;
      case 'say-yield':
        tell({ t: 'yield', to: action.to });
        break;
    }
  }

  function ask(steal: boolean): void {
    const mine = new AbortController();
    pending = mine;
    let held = false;
    const hold = () =>
      new Promise<void>((resolve) => {
        if (mine.signal.aborted || stopped) return resolve();
        held = true;
        if (pending === mine) pending = null;
        release = resolve;
        feed({ t: 'granted' });
      });
    navigator.locks.request(lock, steal ? { steal: true } : { signal: mine.signal }, hold).catch(() => {
      if (pending === mine) pending = null;
      if (!held) return; // Not waited for any longer.
      release = null;
      feed({ t: 'lost' });
    });
  }

  const visibility = () => feed({ t: 'visible', on: document.visibilityState === 'visible' });
  const freeze = () => feed({ t: 'freeze' });
  const thaw = () => feed({ t: 'thaw' });
  const timer = setInterval(() => feed({ t: 'tick' }), TICK_MS);
  document.addEventListener('visibilitychange', visibility);
  document.addEventListener('freeze', freeze);
  document.addEventListener('resume', thaw);
  addEventListener('pagehide', freeze);
  addEventListener('pageshow', thaw);
  feed({ t: 'start' });

  return {
    hear(word) {
      if (word.t === 'beat') feed({ t: 'heard-beat', visible: word.visible });
      else if (word.t === 'want') feed({ t: 'heard-want', from: word.from });
      else if (word.to === me) feed({ t: 'heard-yield' });
    },
    stop() {
      feed({ t: 'freeze' });
      stopped = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', visibility);
      document.removeEventListener('freeze', freeze);
      document.removeEventListener('resume', thaw);
      removeEventListener('pagehide', freeze);
      removeEventListener('pageshow', thaw);
    },
  };
}
