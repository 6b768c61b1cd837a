import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { forward, mlpLayers, openHerm, toFloat64 } from '../../lib/index.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { herm, LENET, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const PYTHON = '/usr/bin/python3';
const hasTorch = spawnSync(PYTHON, ['-c', 'import torch']).status === 0;
const WHY = hasTorch ? '' : ` (skipped: ${PYTHON} has no torch; apt-get install --no-install-recommends python3-torch)`;

/** The Python of docs/elastic.md, in its order: what adds lifts, and the training loop. */
const SNIPPETS = [...readFileSync(path('docs/elastic.md'), 'utf8').matchAll(/```python\n(.*?)```/gs)].map(
  ([, code]) => code!,
);

const BEFORE = `
import sys
sys.path.append(${JSON.stringify(path('scripts/fixtures/python'))})  # only where there is no package safetensors
import torch
from safetensors.torch import load_file

torch.manual_seed(0)
model = torch.nn.Module()
for layer, (inputs, outputs) in {"fc1": (784, 300), "fc2": (300, 100), "fc3": (100, 10)}.items():
    setattr(model, layer, torch.nn.Linear(inputs, outputs))
model.load_state_dict(load_file("model.safetensors"))
type(model).forward = lambda self, x: self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))
images, classes = torch.rand(256, 784), torch.arange(256) % 10
batches = [(images, classes)] * 20
before = torch.nn.functional.cross_entropy(model(images), classes).item()
`;
const AFTER = `
import json
after = torch.nn.functional.cross_entropy(model(images), classes).item()
frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
print(json.dumps({"before": before, "after": after, "x": images[:4].tolist(), "y": model(images[:4]).tolist(), "frozen": frozen}))
`;

beforeAll(async () => {
  copyFileSync(LENET, at('model.safetensors'));
  await herm('compress', at('model.safetensors'), '-o', at('model.herm'));
}, 120_000);

describe.skipIf(!hasTorch)(`PyTorch with what the guide says${WHY}`, () => {
  it('trains a network through its lift, and the lifted file computes what was trained', async () => {
    expect(SNIPPETS).toHaveLength(2);
    await herm('adapter', at('model.herm'), '--width', 'fc1=12.5%,fc2=50%', '-o', at('adapter.safetensors'));
    writeFileSync(at('train.py'), [BEFORE, ...SNIPPETS, AFTER].join('\n'));
    const printed = execFileSync(PYTHON, ['train.py'], { cwd: at('.'), encoding: 'utf8' });
    const { before, after, x, y, frozen } = JSON.parse(printed);
    expect(after).toBeLessThan(0.9 * before);
    expect(frozen).toContain('fc1.parametrizations.weight.original');
    const lifted = await herm(
      'lift',
      at('model.herm'),
      '--delta',
      at('delta.safetensors'),
      '-o',
      at('full.safetensors'),
      '--json',
    );
    expect(JSON.parse(lifted.stdout)).toMatchObject({
      blocks: [
        { name: 'fc1', width: 38 },
        { name: 'fc2', width: 50 },
      ],
      changed: expect.not.arrayContaining(['fc3.bias']),
    });
    const file = await openHerm(at('model.herm'));
    const tensors = await file.liftTensors(at('delta.safetensors'), { delta: true });
    const found = await forward(mlpLayers(file.blocks, lookupIn(tensors)), Float64Array.from(x.flat()), 4);
    const largest = Math.max(...y.flat().map(Math.abs));
    for (const [n, value] of y.flat().entries()) expect(Math.abs(found[n]! - value)).toBeLessThan(1e-4 * largest);
    const moved = tensors.find(({ name }) => name === 'fc1.weight')!;
    expect(toFloat64(moved)).not.toEqual(
      toFloat64((await file.skeleton('full')).tensors.find(({ name }) => name === 'fc1.weight')!),
    );
    await file.close();
  });
});
