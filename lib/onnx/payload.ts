import type { DescField } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
} from './proto/onnx_pb.js';

/** Where the numbers of a tensor stand in its file, little-endian, one after the other. */
export interface Payload {
  readonly begin: number;
  readonly end: number;
}

/** The payloads of the tensors in a model's graph, by their place in the decoded message. */
export interface Payloads {
  /** [initializers] */
  readonly initializers: readonly (Payload | undefined)[];
  /** [nodes][attributes] */
  readonly attributes: readonly (readonly (Payload | undefined)[])[];
}

/** A field of a message as bytes. */
interface WireField extends Payload {
  readonly number: number;
  readonly type: WireType;
}

const numberOf = ({ number }: DescField): number => number;
const GRAPH = numberOf(ModelProtoSchema.field.graph);
const INITIALIZER = numberOf(GraphProtoSchema.field.initializer);
const NODE = numberOf(GraphProtoSchema.field.node);
const ATTRIBUTE = numberOf(NodeProtoSchema.field.attribute);
const TENSOR = numberOf(AttributeProtoSchema.field.t);
/** Fields whose bytes are the numbers themselves; in the others numbers have no fixed size. */
const PLAIN = [
  TensorProtoSchema.field.rawData,
  TensorProtoSchema.field.floatData,
  TensorProtoSchema.field.doubleData,
].map(numberOf);

/**
 * Finds the payloads of all initializers and of all tensors that are attributes of nodes: decoded messages do not tell
 * where something stood. A tensor has none where its numbers are in a form without fixed sizes, or in several pieces.
 *
 * @param bytes a model that has been decoded without errors.
 */
export function locatePayloads(bytes: Uint8Array): Payloads {
  const reader = new BinaryReader(bytes);
  const initializers: (Payload | undefined)[] = [];
  const attributes: (Payload | undefined)[][] = [];
  const inGraph = (graph: Payload): void => {
    for (const field of fieldsOf(reader, graph)) {
      if (field.number === INITIALIZER) initializers.push(payloadOf(reader, [field]));
      else if (field.number === NODE) attributes.push(inNode(field));
    }
  };
  const inNode = (node: Payload) =>
    fieldsOf(reader, node)
      .filter(({ number }) => number === ATTRIBUTE)
      .map((attribute) => {
        const tensors = fieldsOf(reader, attribute).filter(({ number }) => number === TENSOR);
        return payloadOf(reader, tensors);
      });
  // A message that stands twice is one message with the fields of both.
  for (const field of fieldsOf(reader, { begin: 0, end: bytes.byteLength })) if (field.number === GRAPH) inGraph(field);
  return { initializers, attributes };
}

function fieldsOf(reader: BinaryReader, { begin, end }: Payload): WireField[] {
  const fields: WireField[] = [];
  reader.pos = begin;
  while (reader.pos < end) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited) {
      const length = reader.uint32();
      fields.push({ number, type, begin: reader.pos, end: reader.pos + length });
      reader.pos += length;
    } else {
      const start = reader.pos;
      reader.skip(type, number);
      fields.push({ number, type, begin: start, end: reader.pos });
    }
  }
  return fields;
}

function payloadOf(reader: BinaryReader, tensors: readonly Payload[]): Payload | undefined {
  const plain = tensors.flatMap((tensor) => fieldsOf(reader, tensor).filter(({ number }) => PLAIN.includes(number)));
  const [only] = plain;
  if (only === undefined || plain.length > 1 || only.type !== WireType.LengthDelimited) return undefined;
  return { begin: only.begin, end: only.end };
}
