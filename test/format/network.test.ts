import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import { openHerm } from '../../lib/file/read.ts';
import { open } from '../../lib/live/network.ts';
import type { ServedNetwork } from '../../lib/live/served.ts';
import { forward, mlpLayers } from '../../lib/model/forward.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import { type ByteSource, bufferSource } from '../../lib/model/source.ts';
import { type DType, fromFloat64 } from '../../lib/model/tensor.ts';
import { lookupIn } from '../../lib/model/weights.ts';
import { callNative, inBackground } from '../../lib/native/call.ts';
import { makeCase, makeCases } from './support/case.ts';
import { compress } from './support/herm.ts';

const ROWS = 3;

/** A chain of two blocks; and, as in a transformer, two blocks that share nothing, one gated. */
let chain: Uint8Array;
let layers: Uint8Array;

beforeAll(async () => {
  const net = makeCase({ sizes: [5, 24, 9, 3] });
  chain = await compress(serializeSafetensors(net.tensors), net.blocks, net.trees);
  const made = makeCases([{ sizes: [4, 20, 6], gated: true, dtypes: ['BF16', 'F16'] }, { sizes: [4, 16, 4] }]);
  const filler = {
    name: 'filler',
    dtype: 'U8',
    shape: [4000],
    data: new Uint8Array(4000).map((_, at) => (at * at) % 251),
  };
  const weights = (count: number, dtype: DType) =>
    fromFloat64(
      Array.from({ length: count }, (_, at) => Math.cos(at)),
      dtype,
      'refit',
      [count],
    ).data;
  const refits = [{ widths: [10, 8], outputs: [weights(60, 'F16'), weights(32, 'F32')], errors: [0.1, 0.1] }];
  layers = await compress(serializeSafetensors([...made.tensors, filler]), made.blocks, made.trees, { refits });
});

const batch = (inputs: number, phase = 0) =>
  Float64Array.from({ length: ROWS * inputs }, (_, at) => Math.sin(12.9898 * at + phase));

/** What the network of these widths makes of a batch, by way of its skeleton. */
async function expected(herm: Uint8Array, widths: Record<string, number>, x: Float64Array, block?: string) {
  const file = await openHerm(bufferSource(herm, 'x.herm'));
  const { tensors } = await file.skeleton(widths);
  const own = block === undefined ? file.blocks : file.blocks.filter(({ name }) => name === block);
  return forward(mlpLayers(own, lookupIn(tensors)), x, ROWS);
}

/** A source that can be made to fail. */
function breakable(herm: Uint8Array): { source: ByteSource; broken: boolean } {
  const inner = bufferSource(herm, 'x.herm');
  const state = {
    broken: false,
    source: {
      ...{ name: inner.name, size: inner.size },
      read: (offset: number, length: number, signal?: AbortSignal) =>
        state.broken ? Promise.reject(new Error('unplugged')) : inner.read(offset, length, signal),
      close: () => inner.close(),
    },
  };
  return state;
}

describe('a network', () => {
  it('computes what its skeleton does at every width, in both precisions', async () => {
    const net = await open(bufferSource(chain, 'x.herm'));
    expect([net.inputs, net.outputs, net.current]).toEqual([5, 3, undefined]);
    const x = batch(5);
    expect(await net.forward(x)).toEqual(await expected(chain, {}, x));
    for (const widths of [
      { fc0: 7, fc1: 4 },
      { fc0: 24, fc1: 1 },
      { fc0: 1, fc1: 9 },
    ]) {
      expect((await net.setWidth(widths)).widths).toEqual(widths);
      const y = await expected(chain, widths, x);
      expect(await net.forward(x)).toEqual(y);
      const single = Float32Array.from(x);
      const doubled = await expected(chain, widths, Float64Array.from(single));
      expect(await net.forward(single)).toEqual(Float32Array.from(doubled));
    }
    expect(await net.forward(new Float32Array(0))).toEqual(new Float32Array(0));
  });

  it('reads only what it lacks, and of one block only that block', async () => {
    const file = await openHerm(bufferSource(layers, 'x.herm'));
    const start = file.costOf(0.01).bytes;
    const net = await open(bufferSource(layers, 'x.herm'), { block: 'n0.fc0' });
    const narrow = await net.setWidth({ 'n0.fc0': 5 });
    const wide = await net.widen({ 'n0.fc0': 20 });
    const both = narrow.bytesRead + wide.bytesRead;
    const costs = (a: number, b: number) => file.costOf({ 'n0.fc0': a, 'n1.fc0': b }).bytes;
    expect(wide.bytesRead).toBe(costs(20, 1) - costs(5, 1));
    // Without the other block and the filler.
    expect(both).toBeLessThan(start);
    expect((await net.setWidth({ 'n0.fc0': 5 })).bytesRead).toBe(0);
    expect((await net.setWidth({ 'n0.fc0': 20 })).bytesRead).toBe(0);
    expect(net.kept).toBe(both);
  });

  it('runs one block of a transformer, also a gated one, with the refit for its width', async () => {
    for (const [block, inputs, width] of [
      ['n0.fc0', 4, 10],
      ['n1.fc0', 4, 8],
    ] as const) {
      const net = await open(bufferSource(layers, 'x.herm'), { block });
      const x = batch(inputs);
      expect(await net.setWidth({ [block]: width })).toMatchObject({ refitted: true, widths: { [block]: width } });
      expect(await net.forward(x)).toEqual(await expected(layers, { 'n0.fc0': 10, 'n1.fc0': 8 }, x, block));
      expect(await net.setWidth({ [block]: width }, { refit: false })).toMatchObject({ refitted: false });
      expect(await net.forward(x)).toEqual(await expected(layers, { [block]: width }, x, block));
    }
  });

  it('finishes requests on the width that they began with, and drops none while it switches', async () => {
    const net = await open(bufferSource(chain, 'x.herm'));
    const widths = [
      { fc0: 3, fc1: 2 },
      { fc0: 12, fc1: 9 },
      { fc0: 24, fc1: 5 },
    ];
    await net.setWidth(widths[0]!);
    const x = batch(5);
    const answers = await Promise.all(widths.map((each) => expected(chain, each, x)));
    const began = net.forward(x);
    const held = net.current!;
    await net.setWidth(widths[1]!);
    expect(await began).toEqual(answers[0]);
    expect(await held.forward(x)).toEqual(answers[0]);
    expect(net.current!.widths).toEqual(widths[1]);

    let switching = true;
    const seen: { widths: object; y: Float64Array }[] = [];
    const client = async () => {
      while (switching) {
        const network = net.current!;
        seen.push({ widths: network.widths, y: await network.forward(x) });
      }
    };
    const clients = [client(), client(), client()];
    for (let at = 0; at < 30; at++) {
      await net.setWidth(widths[at % 3]!);
      seen.push({ widths: widths[at % 3]!, y: await net.forward(x) });
    }
    switching = false;
    await Promise.all(clients);
    for (const each of seen)
      expect(each.y).toEqual(answers[widths.findIndex((own) => own.fc0 === (each.widths as typeof own).fc0)]);
  });

  it('lets go of the network that no request runs on any more', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const net = await open(bufferSource(chain, 'x.herm'));
    await net.setWidth('full');
    const old = new WeakRef<ServedNetwork>(net.current!);
    await net.setWidth(0.25);
    for (let tries = 0; tries < 50 && old.deref() !== undefined; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
    }
    expect(old.deref()).toBeUndefined();
    expect(net.current!.memory).toBeLessThan(chain.byteLength);
  });

  it('widens what is named, and narrows nothing', async () => {
    const net = await open(bufferSource(chain, 'x.herm'));
    await net.setWidth({ fc0: 10, fc1: 3 });
    expect((await net.widen({ fc1: 5 })).widths).toEqual({ fc0: 10, fc1: 5 });
    expect((await net.widen({ fc0: 4 })).widths).toEqual({ fc0: 10, fc1: 5 });
    expect((await net.widen(0.75)).widths).toEqual({ fc0: 18, fc1: 7 });
    expect((await net.widen('full')).widths).toEqual({ fc0: 24, fc1: 9 });
    await expect(net.widen({ fc0: 25 })).rejects.toMatchObject({ code: 'WIDTH' });
    const fresh = await open(bufferSource(chain, 'x.herm'));
    expect((await fresh.widen({ fc1: 2 })).widths).toEqual({ fc0: 1, fc1: 2 });
  });

  it('serves on where a switch fails or is aborted', async () => {
    const state = breakable(chain);
    const net = await open(state.source);
    await net.setWidth({ fc0: 3, fc1: 2 });
    const x = batch(5);
    const answer = await expected(chain, { fc0: 3, fc1: 2 }, x);
    state.broken = true;
    await expect(net.setWidth('full')).rejects.toThrow('unplugged');
    await expect(net.setWidth('full', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await net.forward(x)).toEqual(answer);
    state.broken = false;
    expect((await net.setWidth('full')).widths).toEqual({ fc0: 24, fc1: 9 });
  });

  it('takes changes in their order, and a first request waits for them', async () => {
    const net = await open(bufferSource(chain, 'x.herm'));
    const x = batch(5);
    const changes = [net.setWidth({ fc0: 20, fc1: 9 }), net.setWidth({ fc0: 3, fc1: 2 })];
    const first = net.forward(x);
    expect((await Promise.all(changes)).map(({ widths }) => widths)).toEqual([
      { fc0: 20, fc1: 9 },
      { fc0: 3, fc1: 2 },
    ]);
    expect(await first).toEqual(await expected(chain, { fc0: 3, fc1: 2 }, x));
  });

  it('closes after the requests under way, and takes no others', async () => {
    const net = await open(bufferSource(chain, 'x.herm'));
    await net.setWidth(0.5);
    const x = batch(5);
    const answer = await expected(chain, net.current!.widths, x);
    const under = [net.forward(x), net.forward(x)];
    const waiting = net.setWidth('full').catch((error: unknown) => error);
    await net.close();
    for (const request of under) expect(await request).toEqual(answer);
    expect(await waiting).toMatchObject({ code: 'ABORTED' });
    await expect(net.forward(x)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(net.setWidth(0.5)).rejects.toMatchObject({ code: 'ABORTED' });
    await net.close();
  });

  it('refuses what it cannot run', async () => {
    const net = await open(bufferSource(chain, 'x.herm'));
    await expect(net.forward(new Float64Array(7))).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      details: { inputs: 5 },
    });
    await expect(net.forward([1, 2, 3, 4, 5] as unknown as Float32Array)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
    await expect(net.setWidth({ fc0: 0 })).rejects.toMatchObject({ code: 'WIDTH' });
    await expect(net.setWidth({ fc7: 1 })).rejects.toMatchObject({ code: 'WIDTH' });
    for (const request of [null, undefined, 'half', true, [4, 3]]) {
      await expect(net.setWidth(request as unknown as number)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
      await expect(net.widen(request as unknown as number)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
    await expect(open(bufferSource(layers, 'x.herm'))).rejects.toMatchObject({ code: 'NO_CHAIN' });
    await expect(open(bufferSource(layers, 'x.herm'), { block: 'fc9' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
    await expect(open(new Uint8Array(100))).rejects.toMatchObject({ code: 'HERM_MAGIC' });
    const part = await open(bufferSource(chain.slice(0, (await openHerm(chain)).prefixBytes[4]), 'part.herm'));
    await expect(part.setWidth('full')).rejects.toMatchObject({ code: 'WIDTH' });
  });
});

describe('work in the background', () => {
  it('neither waits for calls from elsewhere nor holds them up', async () => {
    const turns: string[] = [];
    const call = (name: string, until: Promise<unknown>) =>
      callNative(undefined, async () => {
        await until;
        turns.push(name);
      });
    // One call of each lane is under way until one of the other has ended: in one queue, that would be for ever.
    const first = call(
      'first',
      inBackground(() => call('behind', Promise.resolve())),
    );
    await first;
    const elsewhere = call('between', Promise.resolve());
    await inBackground(() => call('last', elsewhere));
    expect(turns).toEqual(['behind', 'first', 'between', 'last']);
  });
});
