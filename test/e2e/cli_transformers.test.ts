import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Checkpoint, writeCheckpoint } from '../support/checkpoints.ts';
import { GATED_ZOO } from '../support/zoo_gated.ts';
import { PLAIN_ZOO } from '../support/zoo_plain.ts';
import { herm, temporaryFolder } from './herm.ts';

const at = temporaryFolder();
const zoo = (name: string): Checkpoint => [...PLAIN_ZOO, ...GATED_ZOO].find((one) => one.name === name)!;
const json = (path: string) => JSON.parse(readFileSync(at(path), 'utf8'));

beforeAll(() => {
  for (const name of ['GPT-2', 'Phi-3', 'Llama']) writeCheckpoint(at(name), zoo(name));
});

describe('a transformer', () => {
  it('is inspected with its architecture, its activation and its norm', async () => {
    const { code, stdout } = await herm('inspect', at('Phi-3'));
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^model\.layers\.0\.mlp +6 > 16 > 6 +\w+ +silu /m),
    });
    expect(stdout).toContain('Phi-3: reads rmsnorm model.layers.*.post_attention_layernorm.weight\n');
    const report = JSON.parse((await herm('inspect', at('GPT-2'), '--json')).stdout);
    expect(report.blocks[0]).toMatchObject({ architectures: ['GPT-2'], norm: { kind: 'layernorm', offset: 0 } });
  });

  it('without a config.json is asked for what names leave open', async () => {
    const { code, stdout } = await herm('inspect', at('Llama/model.safetensors'));
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/Llama or Gemma.*norm unknown/) });
    const sca = await herm('sca', at('Phi-3'), '--block', 'model.layers.1.mlp', '--pair', '0,1', '--json');
    expect(JSON.parse(sca.stdout)).toMatchObject({ rank: 2 });
  });

  it('is expanded to a directory that says its new width', async () => {
    for (const name of ['GPT-2', 'Phi-3']) {
      const made = await herm('compress', at(name), '-o', at(`${name}.herm`), '--prior', 'norm');
      expect(made).toMatchObject({ code: 0, stderr: '' });
    }
    const args = ['expand', at('GPT-2.herm'), '--width', 'transformer.h.0.mlp=5,transformer.h.1.mlp=3'];
    const uneven = await herm(...args, '-o', at('uneven'));
    expect(uneven.stdout).toMatch(/no loader takes these widths: n_inner is one number for blocks of 3 to 5 neurons/);
    const even = await herm(...args, '--uniform', '--round-to', '4', '-o', at('even'));
    expect(even.stdout).toContain('config.json: n_inner 16 > 8.');
    expect(json('even/config.json')).toMatchObject({ n_inner: 8, n_embd: 6 });
    expect(readdirSync(at('even'))).toEqual(readdirSync(at('GPT-2')));
    const padded = JSON.parse((await herm(...args, '--pad', '-o', at('padded'), '--json')).stdout);
    expect(padded).toMatchObject({ config: { changes: [] }, blocks: [{ width: 5 }, { width: 3 }] });
    expect(json('padded/config.json')).toEqual(json('GPT-2/config.json'));
    await herm('expand', at('Phi-3.herm'), '--width', '25%', '-o', at('phi'));
    const again = JSON.parse((await herm('inspect', at('phi'), '--json')).stdout);
    expect(again.blocks.map(({ neurons }: { neurons: number }) => neurons)).toEqual([4, 4]);
  });

  it('is reported on for what the norms before its blocks leave', async () => {
    for (const name of ['GPT-2', 'Phi-3']) {
      await herm('report', at(`${name}.herm`), '-o', at(`${name}.html`));
      const page = readFileSync(at(`${name}.html`), 'utf8');
      const { blocks } = JSON.parse(/id="data">(.*)<\/script>/.exec(page)![1]!);
      for (const block of blocks) expect(block.termInputs).toBe('what the norm before the block leaves');
    }
  });

  it('refuses a rounding that is none', async () => {
    const { code } = await herm('expand', at('GPT-2.herm'), '--width', '50%', '--round-to', '0', '-o', at('none'));
    expect(code).toBe(2);
  });
});
