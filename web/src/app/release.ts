/**
 * app/release: the worker that brought this page. Read as the page begins: what listens for the next one comes up later,
 * and another tab may have taken it until then.
 */
export const broughtBy = 'serviceWorker' in navigator ? navigator.serviceWorker.controller : null;
