// A screenshot in 256 colours, a third as large and hardly to be told from it: the commonest colours stay as they
// are, the others are put together by median cut.
import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
const COLOURS = 256, KEPT = 96;

export function quantised(png) {
  const { width, height, pixels } = decoded(png);
  const counts = new Map();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const palette = paletteOf(counts);
  const index = new Map([...counts.keys()].map((colour) => [colour, nearest(palette, colour)]));

  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = index.get(pixels[y * width + x]);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([SIGNATURE, chunk("IHDR", head), chunk("PLTE", Buffer.from(palette.flatMap(parts))), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];

function chunk(type, data) {
  const whole = Buffer.alloc(data.length + 12);
  whole.writeUInt32BE(data.length, 0);
  whole.write(type, 4, "latin1");
  data.copy(whole, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, data.length + 8)), data.length + 8);
  return whole;
}

/** What a browser writes: 8 bits a channel, with or without alpha (which is full everywhere), not interlaced. */
function decoded(png) {
  const width = png.readUInt32BE(16), height = png.readUInt32BE(20);
  const [depth, type, , , interlaced] = png.subarray(24, 29);
  const step = { 2: 3, 6: 4 }[type];
  if (depth !== 8 || !step || interlaced) throw new Error("not a PNG as browsers write them");
  const data = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) if (png.toString("latin1", at + 4, at + 8) === "IDAT") data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(data)), stride = width * step;
  let above = Buffer.alloc(stride);
  const pixels = new Uint32Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)], row = raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1));
    for (let i = 0; i < stride; i++) row[i] += predicted(filter, i < step ? 0 : row[i - step], above[i], i < step ? 0 : above[i - step]);
    for (let x = 0; x < width; x++) pixels[y * width + x] = (row[x * step] << 16) | (row[x * step + 1] << 8) | row[x * step + 2];
    above = row;
  }
  return { width, height, pixels };
}

/** PNG's five filters (section 9 of its specification). */
function predicted(filter, left, up, corner) {
  if (filter < 4) return [0, left, up, (left + up) >> 1][filter];
  const guess = left + up - corner, a = Math.abs(guess - left), b = Math.abs(guess - up), c = Math.abs(guess - corner);
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

function paletteOf(counts) {
  const all = [...counts].map(([colour, count]) => ({ rgb: parts(colour), colour, count })).sort((a, b) => b.count - a.count);
  if (all.length <= COLOURS) return all.map((one) => one.colour);
  const boxes = [boxOf(all.slice(KEPT))];
  while (boxes.length < COLOURS - KEPT) {
    const { ones, channel } = boxes.splice(boxes.reduce((best, box, i) => (box.spread > boxes[best].spread ? i : best), 0), 1)[0];
    ones.sort((a, b) => a.rgb[channel] - b.rgb[channel]);
    const half = ones.reduce((sum, one) => sum + one.count, 0) / 2;
    let cut = 0;
    for (let sum = 0; cut < ones.length - 1 && (cut === 0 || sum + ones[cut].count <= half); cut++) sum += ones[cut].count;
    boxes.push(boxOf(ones.slice(0, cut)), boxOf(ones.slice(cut)));
  }
  return [...all.slice(0, KEPT).map((one) => one.colour), ...boxes.map(({ ones }) => middle(ones))];
}

/** Colours that may become one, how far apart they are in the widest channel, and which that is. */
function boxOf(ones) {
  const widths = [0, 1, 2].map((c) => {
    let least = 255, most = 0;
    for (const one of ones) (least = Math.min(least, one.rgb[c])), (most = Math.max(most, one.rgb[c]));
    return most - least;
  });
  const width = Math.max(...widths);
  return { ones, channel: widths.indexOf(width), spread: width * Math.sqrt(ones.reduce((sum, one) => sum + one.count, 0)) };
}

function middle(ones) {
  const weight = ones.reduce((sum, one) => sum + one.count, 0);
  const [r, g, b] = [0, 1, 2].map((c) => Math.round(ones.reduce((sum, one) => sum + one.rgb[c] * one.count, 0) / weight));
  return (r << 16) | (g << 8) | b;
}

function nearest(palette, colour) {
  const [r, g, b] = parts(colour);
  let best = 0, least = Infinity;
  palette.forEach((other, i) => {
    const far = (r - (other >> 16)) ** 2 + (g - ((other >> 8) & 255)) ** 2 + (b - (other & 255)) ** 2;
    if (far < least) (least = far), (best = i);
  });
  return best;
}
