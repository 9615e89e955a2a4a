// Where else the same rooms are: the node says so in its welcome, and the browser keeps it for when the node is away.
import type { Places } from './types';

const KEY = 'nc.nodes';

export function keepPlaces(places: Places): void {
  try {
    const text = JSON.stringify(places);
    if (localStorage.getItem(KEY) !== text) localStorage.setItem(KEY, text);
  } catch {
    // Nothing can be kept: then nobody is sent anywhere.
  }
}

/** The others, each by its first address that can be gone to from here: who came encrypted is not sent where it is not. */
export function otherPlaces(here: Pick<Location, 'origin' | 'protocol'> = location): Places {
  const found: Places = [];
  try {
    const places = JSON.parse(localStorage.getItem(KEY) ?? '[]') as Places;
    const own = places[0]?.name; // this node comes first
    for (const { name, url } of places) {
      const { origin, protocol } = new URL(url);
      if (origin === here.origin || name === own || found.some((one) => one.name === name)) continue;
      if (protocol === 'https:' || (protocol === 'http:' && here.protocol === 'http:')) found.push({ name, url: origin });
    }
  } catch {
    // What is kept there is not ours.
  }
  return found;
}
