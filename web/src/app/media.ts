/** app/media: which of the three layouts the window has room for, and what points at it. */
import { type ShallowRef, shallowRef } from 'vue';

function follow(query: string): Readonly<ShallowRef<boolean>> {
  const media = matchMedia(query), is = shallowRef(media.matches);
  media.addEventListener('change', () => (is.value = media.matches));
  return is;
}

export const isPhone = follow('(max-width: 767.98px)');
/** Too narrow for three columns beside each other. */
export const isNarrow = follow('(max-width: 1023.98px)');
export const isWide = follow('(min-width: 1280px)');
export const isTouch = follow('(pointer: coarse)');
