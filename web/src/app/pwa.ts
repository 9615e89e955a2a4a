/**
 * app/pwa: the client as an app: kept for when there is no network, installed, brought up to date.
 *
 * A new release waits until the person says so: nobody's page changes under their hands. Without a secure context
 * there is none of this, and nothing breaks.
 */
import { shallowReactive, watch } from 'vue';
import { toast } from '@/kit/toast';
import { afterUsable } from '@/net/spare';
import { connection } from '@/stores/connection';
import { flushDrafts } from '@/stores/drafts';
import { t } from './i18n';
import { broughtBy } from './release';
import { ownScript } from './trusted';

/** Chromium's, before it is asked whether to install. */
interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

export const pwa = shallowReactive({
  /** Pages load without a network. */
  offline: false,
  /** A new release is there and waits. */
  update: false,
  /** The browser would install the client if it were asked to. */
  installable: false,
});

const LOOK_MS = 60_000;
let registration: ServiceWorkerRegistration | null = null;
let prompt: InstallPrompt | null = null;
let looked = 0;
let reloading = false;

async function reload(): Promise<void> {
  if (reloading) return;
  reloading = true;
  await flushDrafts();
  location.reload();
}

/** The release that waits takes over, in this tab and in the others. */
export async function applyUpdate(): Promise<void> {
  const waiting = registration?.waiting;
  if (!waiting) return reload();
  await flushDrafts();
  waiting.postMessage({ type: 'take-over' });
}

export async function installApp(): Promise<void> {
  await prompt?.prompt();
  prompt = null;
  pwa.installable = false;
}

function offer(): void {
  if (pwa.update) return;
  pwa.update = true;
  toast(t('pwa.update'), { label: t('pwa.reload'), run: () => void applyUpdate() }, { stays: true, icon: 'refresh-cw' });
}

/** Comes once for each release that was fetched. */
function watchInstalling(worker: ServiceWorker | null): void {
  worker?.addEventListener('statechange', () => {
    // The first one of all takes no one's place.
    if (worker.state === 'installed' && navigator.serviceWorker.controller) offer();
  });
}

/** Is there a newer release?  Asked when the node has come back: it may be another one. */
async function look(): Promise<void> {
  if (!registration || Date.now() - looked < LOOK_MS) return;
  looked = Date.now();
  await registration.update().catch(() => {}); // no network: the next time
}

async function register(): Promise<void> {
  const { serviceWorker } = navigator;

  serviceWorker.addEventListener('controllerchange', () => {
    // Another tab may have said yes: this one goes on with the same release as the others.
    if (broughtBy || pwa.update) void reload();
  });
  if (broughtBy && serviceWorker.controller !== broughtBy) return reload();
  registration = await serviceWorker.register(ownScript('/sw.js'));
  looked = Date.now();
  // A page that was on its way while the worker began is nobody's.
  if (!serviceWorker.controller) registration.active?.postMessage({ type: 'hold' });
  if (registration.waiting && serviceWorker.controller) offer();
  watchInstalling(registration.installing);
  registration.addEventListener('updatefound', () => watchInstalling(registration?.installing ?? null));
  void serviceWorker.ready.then(() => (pwa.offline = true));
  watch(() => connection.state, (state) => state === 'online' && void look());
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void look());
}

/** `open` shows a path of the client: a notification was clicked. */
export function startPwa(open: (path: string) => void): void {
  addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault(); // asked from the settings, not by surprise
    prompt = event as InstallPrompt;
    pwa.installable = true;
  });
  addEventListener('appinstalled', () => (pwa.installable = false));
  // A piece of a release that the node no longer has, nor anything kept it.
  addEventListener('vite:preloadError', () => {
    if (navigator.onLine) toast(t('app.outdated'), { label: t('app.reload'), run: () => void reload() }, { stays: true, icon: 'refresh-cw' });
  });
  void afterUsable(() => import('./notify')).then(({ startNotify }) => startNotify(open)).catch(() => {});
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  navigator.serviceWorker.addEventListener('message', (event: MessageEvent<{ type?: string; path?: string }>) => {
    if (event.data?.type === 'open' && event.data.path) open(event.data.path);
  });
  // The release is fetched once more, from the browser's cache mostly.
  void afterUsable(register).catch(() => {});
}
