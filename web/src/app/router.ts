/**
 * app/router: which screen an address shows. Every screen is loaded when it is first opened.
 *
 * The room list is part of the shell, not a screen: at `/` a phone shows the list, a wide window the list beside a
 * welcome. Panels of a room are `?p=details|members|…`.
 */
import { type RouteComponent, type RouteRecordRaw, createRouter, createWebHistory } from 'vue-router';
import { withWords } from './i18n';

const views = import.meta.glob<{ default: RouteComponent }>('../features/*/{Login,Room,Browse,Search,Settings,Admin}View.vue');

/** A screen by the name of its feature, with its words. */
function view(feature: string): () => Promise<RouteComponent> {
  const name = feature[0]!.toUpperCase() + feature.slice(1);
  const load = views[`../features/${feature}/${name}View.vue`] ?? (() => import('./NotFound.vue') as Promise<{ default: RouteComponent }>);
  return () => withWords(feature, async () => (await load()).default);
}

const routes: RouteRecordRaw[] = [
  { path: '/login', name: 'login', component: view('login'), meta: { bare: true } },
  { path: '/', name: 'home', component: () => withWords('welcome', async () => (await import('@/features/shell/Welcome.vue')).default) },
  { path: '/r/:room', name: 'room', component: view('room') },
  { path: '/r/:room/m/:message', name: 'message', component: view('room') },
  { path: '/browse', name: 'browse', component: view('browse') },
  { path: '/search', name: 'search', component: view('search') },
  { path: '/settings/:section?', name: 'settings', component: view('settings') },
  { path: '/admin/:section?', name: 'admin', component: view('admin') },
  { path: '/:any(.*)*', name: 'nothing', component: () => import('./NotFound.vue') },
];
if (import.meta.env.DEV) routes.unshift({ path: '/kit', component: () => import('@/kit/Gallery.vue'), meta: { bare: true } });

export const router = createRouter({ history: createWebHistory(), routes });
