import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeWords, plainWords, xxh64 } from '../../lib/file/codec.ts';
import { readPrologue, wrapHeader } from '../../lib/file/prologue.ts';
import type { HermHeader } from '../../lib/file/schema.ts';
import { compress, HermError, openHerm } from '../../lib/index.ts';
import { concat } from '../../lib/model/concat.ts';
import { bufferSource } from '../../lib/model/source.ts';
import { parseOnnx } from '../../lib/onnx/graph.ts';
import { Random } from '../format/support/random.ts';
import { GraphBuilder } from './support/builder.ts';
import { compressed, folderPerTest, graphOf, writeModel } from './support/files.ts';
import { first, INPUTS, network, relu, second } from './support/layers.ts';

const at = folderPerTest();
const good = () => network([first, relu, second]);
type Initializer = GraphBuilder['initializers'][number];

describe('an ONNX file that is none', () => {
  it.each<[string, Uint8Array]>([
    ['empty', new Uint8Array(0)],
    ['text', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n')],
    ['zeros', new Uint8Array(64)],
    ['a message without a graph', Uint8Array.of(8, 8)],
  ])('is refused: %s', async (_, bytes) => {
    writeFileSync(at('model.onnx'), bytes);
    await expect(compress(at('model.onnx'), at('model.herm'))).rejects.toMatchObject({
      code: 'ONNX_FILE',
      message: expect.stringContaining(at('model.onnx')),
    });
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n', /git lfs pull/],
    ['a page of a server', '<html><body>Not found</body></html>', /web page/],
    ['packed', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0), /gzip/],
    ['a safetensors file', '\x02\0\0\0\0\0\0\0{}', /a safetensors file. Give it a name/],
    ['empty', '', /it is empty/],
    ['cut off', good().build().subarray(0, 600), /cut off.*Download or export it again/],
  ])('is named for what it is: %s', async (_, content, why) => {
    writeFileSync(at('model.onnx'), content);
    await expect(graphOf(at('model.onnx'))).rejects.toMatchObject({
      code: 'ONNX_FILE',
      message: expect.stringMatching(why),
    });
  });

  it('is to be named where a directory has several, or one in its folder onnx', async () => {
    mkdirSync(at('Models/onnx'), { recursive: true });
    writeFileSync(at('Models/config.json'), '{}');
    writeFileSync(at('Models/onnx/model.onnx'), good().build());
    const refusal = (why: RegExp) => ({ code: 'MODEL_FILES', message: expect.stringMatching(why) });
    await expect(graphOf(at('Models'))).rejects.toMatchObject(refusal(/an ONNX model \("onnx\/model.onnx"\).*Name it/));
    writeFileSync(at('Models/a.onnx'), good().build());
    expect((await graphOf(at('Models'))).blocks).toHaveLength(1);
    writeFileSync(at('Models/b.onnx'), good().build());
    await expect(graphOf(at('Models'))).rejects.toMatchObject(
      refusal(/2 ONNX models \("a.onnx", "b.onnx"\).*Name one/),
    );
  });

  it('is refused wherever it is cut off', async () => {
    const bytes = good().build();
    // Its last field is the list of operator sets, without which nothing is lost that is needed here.
    const graphEnd = bytes.length - 30;
    for (let length = 0; length < graphEnd; length += 7) {
      expect(() => parseOnnx(bytes.subarray(0, length), 'cut.onnx')).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^ONNX_(FILE|TENSOR)$/) }),
      );
    }
  });

  it('is refused with a code, or harmless, with any byte changed', async () => {
    const bytes = good().build();
    const random = new Random(11);
    for (let n = 0; n < 3000; n++) {
      const changed = bytes.slice();
      for (let m = random.below(3); m >= 0; m--) changed[random.below(changed.length)] = random.below(256);
      try {
        parseOnnx(changed, 'changed.onnx');
      } catch (error) {
        expect(error).toBeInstanceOf(HermError);
      }
    }
  });
});

describe('a tensor of an ONNX file that cannot be right', () => {
  it.each<[string, RegExp, (tensor: Initializer) => void]>([
    [
      'too few bytes',
      /has 236 bytes of data, but its F32 \[5, 12\] needs 240/,
      (t) => (t.rawData = t.rawData!.subarray(4)),
    ],
    ['too many bytes', /has 244 bytes/, (t) => (t.rawData = concat([t.rawData!, new Uint8Array(4)]))],
    ['a negative dimension', /has the dimension -5/, (t) => (t.dims = [-5n, 12n])],
    ['dimensions that overflow', /overflows/, (t) => (t.dims = [2n ** 40n, 2n ** 40n])],
    ['dimensions beyond all numbers', /has the dimension 9223372036854775807/, (t) => (t.dims = [2n ** 63n - 1n])],
    ['another dtype', /F64 \[5, 12\] needs 480/, (t) => (t.dataType = 11)],
  ])('is refused by name: %s', async (_, message, edit) => {
    const graph = good();
    edit(graph.initializers[0]!);
    const path = writeModel(at('in'), graph);
    await expect(compress(path, at('model.herm'))).rejects.toMatchObject({
      code: 'ONNX_TENSOR',
      message: expect.stringMatching(message),
      details: { file: path, tensor: 'fc1.weight' },
    });
  });

  it('is refused where two have one name', async () => {
    const graph = good();
    graph.initializers.push({ ...graph.initializers[0]! });
    await expect(compress(writeModel(at('in'), graph), at('model.herm'))).rejects.toMatchObject({
      code: 'ONNX_TENSOR',
    });
  });
});

describe('what hermkit has no use for', () => {
  it('passes through: whole numbers, text, four bits, types of later versions', async () => {
    const graph = good();
    const raw = (count: number) => new Uint8Array(count).map((_, n) => n * 37);
    graph.initializers.push(
      { name: 'bytes', dims: [2000n], dataType: 3, rawData: raw(2000) },
      { name: 'few', dims: [2n], dataType: 7, int64Data: [1n, -2n] },
      { name: 'words', dims: [2n], dataType: 8, stringData: [raw(3), raw(4)] },
      { name: 'nibbles', dims: [3n, 3n], dataType: 22, rawData: raw(5) },
      { name: 'from later versions', dims: [9n], dataType: 99, rawData: raw(5) },
      { name: 'nothing', dims: [0n, 4n], dataType: 1 },
    );
    const path = writeModel(at('in'), graph);
    const file = await compressed(path);
    expect(file.tensors.find(({ name }) => name === 'bytes')).toMatchObject({ dtype: 'I8', shape: [2000] });
    await file.recoverTo(at('back.onnx'));
    expect(readFileSync(at('back.onnx')).equals(readFileSync(path))).toBe(true);
    await file.writeSkeleton(at('full.onnx'), await file.skeleton('full'));
    const full = parseOnnx(readFileSync(at('full.onnx')), 'full');
    expect(new Uint8Array(full.constants.get('nibbles')!.proto.rawData)).toEqual(raw(5));
  });

  it('are options that say what the graph says', async () => {
    const path = writeModel(at('in'), good());
    await expect(compress(path, at('a.herm'), { activation: 'relu' })).rejects.toMatchObject({ code: 'ACTIVATION' });
    await expect(compress(path, at('a.herm'), { blocks: 'fc1>fc2' })).rejects.toMatchObject({ code: 'BLOCK_SPEC' });
  });

  it('is told what comes near where there are no blocks', async () => {
    const graph = new GraphBuilder();
    const hidden = graph.node('Softmax', [first(graph, graph.input('x', ['n', INPUTS]))]);
    graph.output(second(graph, hidden), ['n', 4]);
    await expect(compress(writeModel(at('in'), graph), at('a.herm'))).rejects.toMatchObject({
      code: 'NO_BLOCKS',
      message: expect.stringMatching(/"fc1.weight": Softmax "softmax\d+" stands behind it/),
    });
  });

  it('are nodes in an order that cannot run', async () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', ['n', INPUTS]);
    graph.node('Add', ['b', first(graph, x)], { output: ['a'] });
    graph.node('Mul', ['a', 'a'], { output: ['b'] });
    graph.output(second(graph, 'b'), ['n', 4]);
    expect((await graphOf(writeModel(at('in'), graph))).blocks).toEqual([]);
  });
});

describe('a .herm file of an ONNX model that a stranger changed', () => {
  /** The file with another `source` chunk, everything else made to fit. */
  async function withSource(herm: Uint8Array, edit: (source: Uint8Array) => void): Promise<Uint8Array> {
    const file = await openHerm(herm);
    const { value, end } = await readPrologue(bufferSource(herm), {});
    const header = structuredClone(value) as HermHeader;
    const pieces: Uint8Array[] = [];
    for await (const piece of file.recover()) pieces.push(piece);
    const original = concat(pieces);
    const rest: Uint8Array[] = [];
    let from = 0;
    for (const tensor of header.tensors) {
      rest.push(original.subarray(from, tensor.begin));
      from = tensor.end;
    }
    const source = concat([...rest, original.subarray(from)]);
    edit(source);
    const chunk = await encodeWords(source, plainWords(1), {});
    const [first] = header.chunks;
    const before = first!.length;
    Object.assign(first!, { length: chunk.byteLength, xxh64: await xxh64(chunk, {}) });
    for (const later of header.chunks.slice(1)) later.offset += chunk.byteLength - before;
    const start = await wrapHeader(new TextEncoder().encode(JSON.stringify(header)), {});
    return concat([start, chunk, herm.subarray(end + before)]);
  }

  it('gives errors with codes, or a model, and never the original', async () => {
    await compress(writeModel(at('in'), good()), at('model.herm'));
    const herm = new Uint8Array(readFileSync(at('model.herm')));
    const random = new Random(17);
    for (let n = 0; n < 150; n++) {
      const changed = await withSource(herm, (source) => {
        source[random.below(source.length)]! ^= 1 + random.below(255);
      });
      const file = await openHerm(changed);
      await expect(file.verify()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
      const half = await file.skeleton(0.5);
      await file
        .writeSkeleton(at('half.onnx'), half)
        .catch((error: unknown) => expect(error).toBeInstanceOf(HermError));
    }
  });
});
