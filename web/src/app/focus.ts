/**
 * app/focus: the focus is never nowhere.
 *
 * What has it may go: a row that is dismissed, a screen that is left, a button of no more use. Browsers then give it
 * to nobody, and whoever has no pointer begins again at the top of the page. Here it goes to what is nearest.
 */

/** What has the focus and all that stands around it, from the inside. */
let way: HTMLElement[] = [];
let looking = false;

// No fields: on a phone a keyboard would come up.
const STOPS = 'a[href], button:enabled, summary, [tabindex="0"]';
const isThere = (el: Element) => el.isConnected && el.checkVisibility();
const isOff = (el: Element) => el.matches(':disabled');

/** The nearest that can have it, at most as far out as the screen. */
export function nearest(around: readonly HTMLElement[]): HTMLElement | null {
  for (const el of around) {
    if (!isThere(el)) continue;
    if (el.matches('main, #content, #app, body')) break;
    if (el.tabIndex >= 0 && !isOff(el)) return el;
    const inside = [...el.querySelectorAll<HTMLElement>(STOPS)].find((one) => isThere(one) && !isOff(one));
    if (inside) return inside;
  }
  const main = document.querySelector<HTMLElement>('main');
  if (main && main.tabIndex < 0) main.setAttribute('tabindex', '-1');
  return main;
}

function look(): void {
  looking = false;
  const now = document.activeElement;
  if (!way.length || (now && now !== document.body && !isOff(now))) return;
  if (isThere(way[0]!) && !isOff(way[0]!)) way = []; // given up on purpose: a press beside all that can have it
  else nearest(way.slice(1))?.focus({ preventScroll: true });
}
function lookSoon(): void {
  if (looking || !way.length) return;
  looking = true;
  // when whoever comes in its place had the time to take it
  requestAnimationFrame(() => setTimeout(look));
}

export function keepFocus(): void {
  const remember = (el: EventTarget | null) => {
    way = [];
    for (let at = el instanceof HTMLElement ? el : null; at; at = at.parentElement) way.push(at);
  };
  if (document.activeElement !== document.body) remember(document.activeElement);
  // Begun when a screen has been left already: what had the focus went with it.
  else if (history.state?.replaced === false && performance.getEntriesByType('navigation')[0]?.name !== location.href) nearest([])?.focus({ preventScroll: true });
  addEventListener('focusin', (event) => remember(event.target));
  new MutationObserver(lookSoon).observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled'] });
}
