// A formula in a text. What reads and draws them comes with the first one; until then it stands as it was written.

import { shallowRef, type FunctionalComponent } from 'vue';
import type { drawFormula } from './math/draw';

const draw = shallowRef<typeof drawFormula | null>(null);
let asked = false;

function ask() {
  asked = true;
  import('./math/draw').then(
    (module) => void (draw.value = module.drawFormula),
    () => void (asked = false), // without a network: the next one asks again
  );
}

const Formula: FunctionalComponent<{ tex: string; raw: string; display: boolean }> = ({ tex, raw, display }) => {
  if (!draw.value && !asked) ask();
  return draw.value ? draw.value(tex, raw, display) : raw;
};
Formula.props = ['tex', 'raw', 'display'];
export default Formula;
