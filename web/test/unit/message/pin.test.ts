import { beforeEach, expect, test } from 'vitest';
import { Pin } from '@/features/room/pin';

// A scroller without a layout: 300 high, its content and place as the test says.
class Box {
  el = document.createElement('div');
  height = 1000;
  top = 0;
  constructor() {
    Object.defineProperties(this.el, {
      clientHeight: { get: () => 300 },
      scrollHeight: { get: () => this.height },
      scrollTop: { get: () => this.top, set: (to: number) => (this.top = Math.max(0, Math.min(to, this.height - 300))) },
    });
  }
  scroll(to: number) {
    this.el.scrollTop = to;
    this.el.dispatchEvent(new Event('scroll'));
  }
  wheel(by: number) {
    this.el.dispatchEvent(new WheelEvent('wheel', { deltaY: by }));
    this.scroll(this.top + by);
  }
}
let box: Box, pin: Pin;
beforeEach(() => {
  box = new Box();
  pin = new Pin(box.el);
  pin.pin();
});

test('it stays at the end while the list grows', () => {
  for (let i = 0; i < 20; i++) {
    box.height += 40;
    pin.settle();
    expect(pin.distance).toBe(0);
  }
});

test('a reader who goes up is never pulled back, also not in the frame in which the list grows', () => {
  box.height += 60;
  box.wheel(-40);
  box.height += 60;
  pin.settle();
  expect([pin.pinned.value, box.top]).toEqual([false, 660]);
});

test('a scrollbar counts as a reader: the list is elsewhere, and no other height', () => {
  box.scroll(500);
  expect(pin.pinned.value).toBe(false);
});

test('a list that moves because its rows turned out smaller is not a reader', () => {
  box.height = 900;
  box.scroll(600);
  expect(pin.pinned.value).toBe(true);
  box.height = 1200;
  box.scroll(600);
  expect([pin.pinned.value, pin.distance]).toEqual([true, 0]);
});

test('going down to the end takes it up again; standing near it does not', () => {
  box.wheel(-200);
  box.scroll(600);
  expect(pin.pinned.value).toBe(false);
  box.scroll(690);
  expect(pin.pinned.value).toBe(true);
});

test('under a finger nothing moves by itself', () => {
  box.el.dispatchEvent(new TouchEvent('touchstart'));
  box.height += 100;
  pin.settle();
  expect(box.top).toBe(700);
  box.scroll(650);
  expect(pin.pinned.value).toBe(false);
});
