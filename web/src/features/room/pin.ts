/**
 * room/pin: keeps the end in view while the reader is there, and only then.
 *
 * What moves a list is either the reader or the list itself (rows that grow, rows that turn out taller than they were
 * guessed to be). They are told apart by position, not by time: we know where we last put the list, and how high it
 * was. A list that is elsewhere, and no other height, was moved by the reader. A wheel, a finger or a key that goes
 * up counts at once, so that a growing answer never pulls anybody back.
 */
import { type Ref, ref } from 'vue';

const SLACK_PX = 3; // browsers round
const NEAR_PX = 28; // this close to the end, going down means the end

export class Pin {
  private top = 0;
  private height = 0;
  private touched = false;

  /** `pinned`: the reader is at the end, and wants what comes. */
  constructor(private readonly el: HTMLElement, readonly pinned: Ref<boolean> = ref(true)) {
    const passive = { passive: true };
    el.addEventListener('wheel', this.onWheel, passive);
    el.addEventListener('touchstart', this.onTouch, passive);
    el.addEventListener('touchend', this.onTouch, passive);
    el.addEventListener('touchcancel', this.onTouch, passive);
    el.addEventListener('scroll', this.onScroll, passive);
  }

  stop(): void {
    for (const type of ['touchstart', 'touchend', 'touchcancel']) this.el.removeEventListener(type, this.onTouch as EventListener);
    this.el.removeEventListener('wheel', this.onWheel);
    this.el.removeEventListener('scroll', this.onScroll);
  }

  get distance(): number {
    return this.el.scrollHeight - this.el.clientHeight - this.el.scrollTop;
  }

  /** To the end, and on with it. */
  pin(): void {
    this.pinned.value = true;
    this.settle();
  }

  unpin(): void {
    this.pinned.value = false;
  }

  /** Something has another size now: whoever was at the end still is. */
  settle(): void {
    if (this.pinned.value && !this.touched && this.distance > 0.5) this.el.scrollTop = this.el.scrollHeight;
    this.remember();
  }

  private remember(): void {
    this.top = this.el.scrollTop;
    this.height = this.el.scrollHeight - this.el.clientHeight;
  }

  private readonly onWheel = (event: WheelEvent): void => {
    if (event.deltaY < 0 && !event.ctrlKey && this.height > 0) this.unpin();
  };

  private readonly onTouch = (event: TouchEvent): void => {
    this.touched = event.type === 'touchstart' || event.touches.length > 0;
  };

  private readonly onScroll = (): void => {
    const { scrollTop } = this.el, same = Math.abs(this.el.scrollHeight - this.el.clientHeight - this.height) < 1;
    const up = scrollTop < this.top - SLACK_PX, down = scrollTop > this.top;
    if (this.pinned.value && up && (same || this.touched)) this.unpin();
    else if (!this.pinned.value && down && this.distance < NEAR_PX) this.pinned.value = true;
    else if (this.pinned.value && !same) return this.settle();
    this.remember();
  };
}
