import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type DType, fromFloat64, toFloat64 } from '../../../lib/model/tensor.ts';
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from '../../../lib/onnx/proto/onnx_pb.js';
import { Random } from '../../format/support/random.ts';

type Tensor = MessageInitShape<typeof TensorProtoSchema>;
type Node = MessageInitShape<typeof NodeProtoSchema>;
type Attribute = MessageInitShape<typeof AttributeProtoSchema>;
type ValueInfo = MessageInitShape<typeof ValueInfoProtoSchema>;

/** How the numbers of a constant are stored. */
export interface Storage {
  /** An initializer, or the value of a Constant node. */
  readonly as?: 'initializer' | 'node';
  readonly form?: 'raw' | 'floats' | 'external';
  readonly dtype?: DType;
}

export interface External {
  readonly location: string;
  /** Bytes before the tensor that belong to none. */
  readonly padding?: number;
}

/** What a node has beside its operator and inputs. */
export interface NodeOptions {
  readonly output?: readonly string[];
  readonly domain?: string;
  readonly attribute?: readonly Attribute[];
}

/** A dimension, or the name of one that is known when the model runs. */
export type Dimension = number | string;

const TYPES = {
  F64: TensorProto_DataType.DOUBLE,
  F32: TensorProto_DataType.FLOAT,
  F16: TensorProto_DataType.FLOAT16,
  BF16: TensorProto_DataType.BFLOAT16,
} as const;

/** Puts an ONNX model together, value by value. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly initializers: Tensor[] = [];
  readonly valueInfo: ValueInfo[] = [];
  readonly inputs: ValueInfo[] = [];
  readonly outputs: ValueInfo[] = [];
  /** Parts of files of external data. */
  readonly files = new Map<string, Uint8Array[]>();
  readonly #random: Random;
  #count = 0;

  constructor(seed = 1) {
    this.#random = new Random(seed);
  }

  input(name: string, dims: readonly Dimension[], dtype: DType = 'F32'): string {
    this.inputs.push(valueInfo(name, dims, dtype));
    return name;
  }

  output(name: string, dims: readonly Dimension[], dtype: DType = 'F32'): void {
    this.outputs.push(valueInfo(name, dims, dtype));
  }

  /** Random numbers of a layer's size. */
  weights(name: string, dims: readonly number[], storage: Storage & Partial<External> = {}): string {
    const count = dims.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () => this.#random.gauss() / Math.sqrt(dims[0]!));
    return this.constant(name, dims, values, storage);
  }

  constant(
    name: string,
    dims: readonly number[],
    values: readonly number[],
    {
      as = 'initializer',
      form = 'raw',
      dtype = 'F32',
      location = 'model.data',
      padding = 0,
    }: Storage & Partial<External> = {},
  ): string {
    const { data } = fromFloat64(values, dtype, name, dims);
    const tensor: Tensor = { dims: dims.map(BigInt), dataType: TYPES[dtype], name };
    if (form === 'raw') tensor.rawData = data;
    else if (form === 'floats') tensor.floatData = [...toFloat64({ name, dtype, shape: dims, data })];
    else this.#external(tensor, location, padding, data);
    if (as === 'initializer') this.initializers.push(tensor);
    else this.nodes.push({ opType: 'Constant', output: [name], attribute: [tensorAttribute('value', tensor)] });
    return name;
  }

  scalar(value: number, dims: readonly number[] = [], dtype: DType = 'F32'): string {
    return this.constant(`scalar${this.#count++}`, dims, [value], { as: 'node', dtype });
  }

  /** @returns the name of what it makes. */
  node(opType: string, input: readonly string[], more: NodeOptions = {}): string {
    const output = more.output ?? [`${opType.toLowerCase()}${this.#count++}`];
    const { domain = '', attribute = [] } = more;
    this.nodes.push({ opType, input: [...input], output: [...output], domain, attribute: [...attribute] });
    return output[0]!;
  }

  /** Says what a value within the graph looks like. */
  describe(name: string, dims: readonly Dimension[]): void {
    this.valueInfo.push(valueInfo(name, dims, 'F32'));
  }

  build({ opset = 20, irVersion = 8 }: { opset?: number | undefined; irVersion?: number } = {}): Uint8Array {
    const graph: MessageInitShape<typeof GraphProtoSchema> = {
      name: 'test',
      node: this.nodes,
      initializer: this.initializers,
      input: this.inputs,
      output: this.outputs,
      valueInfo: this.valueInfo,
    };
    const opsetImport = [
      { domain: '', version: BigInt(opset) },
      { domain: 'com.microsoft', version: 1n },
    ];
    return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: BigInt(irVersion), opsetImport, graph }));
  }

  #external(tensor: Tensor, location: string, padding: number, data: Uint8Array): void {
    const parts = this.files.get(location) ?? [];
    this.files.set(location, parts);
    parts.push(new Uint8Array(padding).fill(0xaa));
    const offset = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    parts.push(data);
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    tensor.externalData = [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(data.byteLength) },
    ];
  }
}

export const intAttribute = (name: string, i: number): Attribute => {
  return { name, i: BigInt(i), type: AttributeProto_AttributeType.INT };
};
export const intsAttribute = (name: string, ints: readonly number[]): Attribute => {
  return { name, ints: ints.map(BigInt), type: AttributeProto_AttributeType.INTS };
};
export const floatAttribute = (name: string, f: number): Attribute => {
  return { name, f, type: AttributeProto_AttributeType.FLOAT };
};
export const stringAttribute = (name: string, text: string): Attribute => {
  return { name, s: new TextEncoder().encode(text), type: AttributeProto_AttributeType.STRING };
};
export const graphAttribute = (name: string, g: MessageInitShape<typeof GraphProtoSchema>): Attribute => {
  return { name, g, type: AttributeProto_AttributeType.GRAPH };
};
const tensorAttribute = (name: string, t: Tensor): Attribute => {
  return { name, t, type: AttributeProto_AttributeType.TENSOR };
};

export function valueInfo(name: string, dims: readonly Dimension[], dtype: DType): ValueInfo {
  const dim = dims.map((size) => {
    return typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } };
  });
  return { name, type: { value: { case: 'tensorType', value: { elemType: TYPES[dtype], shape: { dim } } } } };
}
