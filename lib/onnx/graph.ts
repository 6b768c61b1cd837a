import { fromBinary } from '@bufbuild/protobuf';
import { HermError } from '../errors.ts';
import { quoteName } from '../model/messages.ts';
import { beginsLikeSafetensors, otherFormatOf } from '../model/other_formats.ts';
import { locatePayloads, type Payloads } from './payload.ts';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
} from './proto/onnx_pb.js';
import { type OnnxTensor, readTensorProto, tensorError } from './tensor.ts';

/** One place where a node of the graph reads a value. */
export interface Use {
  readonly node: number;
  /** Which of the node's inputs. */
  readonly input: number;
}

/** An ONNX model and who makes and reads the values of its graph. */
export interface OnnxGraph {
  /** What messages call its file. */
  readonly file: string;
  readonly model: ModelProto;
  readonly nodes: readonly NodeProto[];
  /** Initializers and values of Constant nodes, by name. */
  readonly constants: ReadonlyMap<string, OnnxTensor>;
  /** Which node makes a value. */
  readonly producers: ReadonlyMap<string, number>;
  readonly uses: ReadonlyMap<string, readonly Use[]>;
  /** Values that are read elsewhere than by nodes of the graph: its outputs, and what other graphs in it may read. */
  readonly exported: ReadonlySet<string>;
  /** All tensors of the model that are in other files. */
  readonly external: readonly OnnxTensor[];
}

const SAFETENSORS = { what: 'a safetensors file', advice: 'Give it a name that ends in .safetensors' };
/** Protobuf's own limit. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Decodes an ONNX model.
 *
 * @param file what messages call it
 * @throws HermError `ONNX_FILE` for what is no ONNX model, `ONNX_TENSOR`, `ONNX_EXTERNAL` for its tensors.
 */
export function parseOnnx(bytes: Uint8Array, file: string): OnnxGraph {
  const { model, payloads } = decode(bytes, file);
  const { graph } = model;
  if (graph === undefined) throw fileError(file, bytes, 'it has no graph');
  const constants = new Map<string, OnnxTensor>();
  const add = (tensor: OnnxTensor): void => {
    if (constants.has(tensor.name)) throw tensorError('ONNX_TENSOR', file, tensor.name, 'is there twice');
    constants.set(tensor.name, tensor);
  };
  for (const [n, proto] of graph.initializer.entries()) {
    add(readTensorProto(proto, proto.name, payloads.initializers[n], file));
  }
  const producers = new Map<string, number>();
  const uses = new Map<string, Use[]>();
  for (const [n, node] of graph.node.entries()) {
    for (const output of node.output) if (output !== '') producers.set(output, n);
    for (const [input, name] of node.input.entries()) {
      const known = uses.get(name);
      if (known === undefined) uses.set(name, [{ node: n, input }]);
      else known.push({ node: n, input });
    }
    const value = constantOf(node);
    if (value === undefined) continue;
    add(readTensorProto(value.proto, node.output[0]!, payloads.attributes[n]?.[value.attribute], file));
  }
  const external = [...constants.values()].filter((tensor) => tensor.external !== undefined);
  const inner = innerGraphs(model);
  for (const proto of inner.flatMap((other) => other.tensors)) {
    const tensor = readTensorProto(proto, proto.name, undefined, file);
    if (tensor.external !== undefined) external.push(tensor);
  }
  const exported = new Set([...graph.output.map(({ name }) => name), ...inner.flatMap(({ reads }) => reads)]);
  return { file, model, nodes: graph.node, constants, producers, uses, exported, external };
}

function decode(bytes: Uint8Array, file: string): { model: ModelProto; payloads: Payloads } {
  if (bytes.byteLength > MAX_BYTES) throw fileError(file, bytes, `its ${bytes.byteLength} bytes are too many for one`);
  try {
    return { model: fromBinary(ModelProtoSchema, bytes), payloads: locatePayloads(bytes) };
  } catch (cause) {
    if (cause instanceof HermError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const cut = reason === 'premature EOF' ? 'it is cut off: ' : '';
    throw fileError(file, bytes, `${cut}its protobuf cannot be decoded (${reason})`, cause);
  }
}

function fileError(file: string, bytes: Uint8Array, why: string, cause?: unknown): HermError {
  const other = beginsLikeSafetensors(bytes) ? SAFETENSORS : otherFormatOf(bytes);
  const empty = bytes.byteLength === 0 ? 'it is empty' : why;
  const message =
    other === undefined
      ? `${file} is not a valid ONNX model: ${empty}. Download or export it again.`
      : `${file} is no ONNX model: it is ${other.what}. ${other.advice}.`;
  return new HermError('ONNX_FILE', message, { file }, cause === undefined ? undefined : { cause });
}

/** Which attribute of a node is the tensor that it makes, if it is a Constant with one. */
function constantOf(node: NodeProto): { proto: TensorProto; attribute: number } | undefined {
  if (!isStandard(node) || node.opType !== 'Constant' || node.output.length !== 1) return undefined;
  const attribute = node.attribute.findIndex(({ name, t }) => name === 'value' && t !== undefined);
  const proto = node.attribute[attribute]?.t;
  return proto && { proto, attribute };
}

/** Whether a node's operator is one of ONNX's own. */
export function isStandard({ domain }: NodeProto): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** Whether a node's operator is one that onnxruntime adds. */
export function isMicrosoft({ domain }: NodeProto): boolean {
  return domain === 'com.microsoft';
}

/** What graphs within a model, such as the branches of an If, read and hold. */
interface Inner {
  readonly reads: readonly string[];
  readonly tensors: readonly TensorProto[];
}

/** All graphs but the main one: they see the names of the graphs around them. */
function innerGraphs({ graph, trainingInfo, functions }: ModelProto): Inner[] {
  const training = trainingInfo.flatMap(({ initialization, algorithm }) => [initialization, algorithm]);
  const found = [...training.flatMap((one) => (one === undefined ? [] : graphAndInner(one)))];
  found.push(...inNodes(graph!.node), ...functions.flatMap(({ node }) => inNodes(node)));
  return found;
}

function inNodes(nodes: readonly NodeProto[]): Inner[] {
  return nodes.flatMap(({ attribute }) =>
    attribute.flatMap(({ g, graphs }) => [...(g === undefined ? [] : [g]), ...graphs].flatMap(graphAndInner)),
  );
}

function graphAndInner(graph: GraphProto): Inner[] {
  const reads = [...graph.node.flatMap(({ input }) => input), ...graph.output.map(({ name }) => name)];
  const values = graph.node.flatMap((node) => constantOf(node)?.proto ?? []);
  return [{ reads, tensors: [...graph.initializer, ...values] }, ...inNodes(graph.node)];
}

/** The nodes of all other graphs in a model, and what they are within. */
export function innerNodes({ graph, functions }: ModelProto): { within: string; node: NodeProto }[] {
  const inside = (nodes: readonly NodeProto[]): { within: string; node: NodeProto }[] =>
    nodes.flatMap((node) => {
      const inner = node.attribute.flatMap(({ g, graphs }) => [...(g === undefined ? [] : [g]), ...graphs]);
      return inner.flatMap((other) => [
        ...other.node.map((one) => ({ within: node.opType, node: one })),
        ...inside(other.node),
      ]);
    });
  const ofFunctions = functions.flatMap(({ node }) => [
    ...node.map((one) => ({ within: 'a function', node: one })),
    ...inside(node),
  ]);
  return [...inside(graph!.node), ...ofFunctions];
}

/** A name for messages: what the node is called, or else what it makes. */
export function nodeName({ name, output }: NodeProto): string {
  return quoteName(name || (output[0] ?? ''));
}
