// What is narrowed and how well it still works: models by name.
import { accuracy, imageParts } from '../fashion.mjs';
import { layersOf, lenetPath, loadModel } from '../lenet.mjs';
import { chainInputs } from './certificates.mjs';
import { probeAccuracy, trainProbe } from './probe.mjs';

const KEPT = [0.9, 0.75, 0.5, 0.4, 0.3, 0.25, 0.2, 0.125, 0.1, 0.0625];
const ENCODER_KEPT = [0.9, 0.75, 0.5, 0.25, 0.125, 0.0625];
const SAMPLES = [300, 3000];

/** A classifier of Fashion-MNIST; both hidden layers are narrowed. */
const classifier =
  (name, title, path = lenetPath(name)) =>
  async () => {
    const model = await loadModel(path);
    const { images, samples } = imageParts(Math.max(...SAMPLES));
    const evaluate = async (tensors) => ({ accuracy: await accuracy(layersOf(model.blocks, tensors), images) });
    return {
      ...{ name, title, path, ...model, widths: KEPT, metric: 'accuracy', chain: true, sampleCounts: SAMPLES },
      prior: { kind: 'isotropic', blocks: model.blocks.map(() => 'isotropic') },
      metrics: ['accuracy'],
      testedInputs: () => chainInputs(model, Float32Array.from(images.pixels)),
      samples: (count) => chainInputs(model, Float32Array.from(samples.subarray(0, count * 784))),
      evaluate,
    };
  };

/** Universal Sentence Encoder Lite on mails; both feed-forward blocks are narrowed. */
async function encoder() {
  const { loadEncoder } = await import('./encoder.mjs');
  const { MAILS, mailSets } = await import('./mails.mjs');
  const { embed, inputs, model, norms } = await loadEncoder();
  const { tested, trained, sampled } = mailSets(MAILS);
  const textsOf = (mails) => mails.map(({ text }) => text);
  const spam = (mails) => mails.map((mail) => mail.spam);
  const original = await embed(textsOf(tested));
  const probe = trainProbe(await embed(textsOf(trained)), spam(trained));
  return {
    ...{ name: 'sentence-encoder', title: 'Universal Sentence Encoder Lite', ...model, widths: ENCODER_KEPT },
    ...{
      metric: 'cosine',
      metrics: ['cosine', 'probe'],
      chain: false,
      sampleCounts: [MAILS.sampled],
      sampleUnit: 'mails',
    },
    leftOut: ['k-means folding'],
    prior: { kind: 'norm', blocks: norms },
    testedInputs: () => inputs(textsOf(tested)),
    samples: () => inputs(textsOf(sampled)),
    async evaluate(tensors) {
      const found = await embed(textsOf(tested), tensors);
      const cosines = found.map((row, at) => cosine(row, original[at]));
      const cosineMean = cosines.reduce((sum, x) => sum + x, 0) / cosines.length;
      return { cosine: cosineMean, probe: probeAccuracy(probe, found, spam(tested)) };
    },
  };
}

/** The PP-OCRv4 recogniser on rendered lines that are hard to read; both feed-forward blocks are narrowed. */
async function recogniser() {
  const { lineSets, loadRecogniser } = await import('./ocr_model.mjs');
  const { inputs, model, norms, read } = await loadRecogniser();
  const { tested, sampled } = lineSets();
  return {
    ...{ name: 'ocr', title: 'PP-OCRv4 recogniser', ...model, widths: ENCODER_KEPT },
    ...{ metric: 'symbols', metrics: ['characters', 'symbols'], chain: false },
    ...{ sampleCounts: [sampled.length], sampleUnit: 'lines' },
    prior: { kind: 'norm', blocks: norms },
    testedInputs: () => inputs(tested),
    samples: () => inputs(sampled),
    evaluate: (tensors) => read(tested, tensors),
  };
}

function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, c) => sum + value * y[c], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

export const MODELS = {
  relu: classifier('relu', 'LeNet-300-100, ReLU'),
  tanh: classifier('tanh', 'LeNet-300-100, tanh'),
  gelu: classifier('gelu', 'LeNet-300-100, GELU'),
  mlp: classifier('mlp', 'MLP 784-512-512-10, ReLU'),
  'sentence-encoder': encoder,
  ocr: recogniser,
};

/** A model by its name, or a classifier of Fashion-MNIST in a safetensors file. */
export const modelNamed = (name) => (MODELS[name] ?? classifier(name, name, name))();

/** The nets that goals in points of accuracy are set for. */
export const LENETS = ['relu', 'tanh', 'gelu'];
