// Tells when the machine woke, the network came, or somebody looks at the tab again: moments at which a connection
// that seems to stand may long be gone.
const TICK_MS = 1_000;
const DRIFT_MS = 5_000;

export function onWake(tell: (why: 'online' | 'offline' | 'focus' | 'wake') => void): () => void {
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    // A hidden tab's timers come once a minute at worst; only one that is seen can tell sleep by them.
    if (now - last > TICK_MS + DRIFT_MS && document.visibilityState === 'visible') tell('wake');
    last = now;
  }, TICK_MS);
  const online = () => tell('online');
  const offline = () => tell('offline');
  const seen = () => document.visibilityState === 'visible' && tell('focus');
  addEventListener('online', online);
  addEventListener('offline', offline);
  addEventListener('focus', seen);
  addEventListener('pageshow', seen);
  document.addEventListener('visibilitychange', seen);
  document.addEventListener('resume', seen);
  return () => {
    clearInterval(timer);
    removeEventListener('online', online);
    removeEventListener('offline', offline);
    removeEventListener('focus', seen);
    removeEventListener('pageshow', seen);
    document.removeEventListener('visibilitychange', seen);
    document.removeEventListener('resume', seen);
  };
}
