// An ONNX model in two: what does not depend on the weights of its blocks, which needs to run only once, and the rest.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ModelProtoSchema,
  TensorProto_DataType,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from '../../../lib/onnx/proto/onnx_pb.js';

const TYPES = { float32: TensorProto_DataType.FLOAT, int64: TensorProto_DataType.INT64 };

function valueInfo(name, type) {
  const elemType = TYPES[type];
  const value = { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType }) };
  return create(ValueInfoProtoSchema, { name, ...(elemType && { type: create(TypeProtoSchema, { value }) }) });
}

/** The model whose graph `change` has changed. */
function changed(bytes, change) {
  const model = fromBinary(ModelProtoSchema, bytes);
  change(model.graph);
  return toBinary(ModelProtoSchema, model);
}

/** What is multiplied by each of these weights. */
export function factorsOf(bytes, weights) {
  const { node } = fromBinary(ModelProtoSchema, bytes).graph;
  return weights.map((name) => node.find(({ opType, input }) => opType === 'MatMul' && input[1] === name).input[0]);
}

/**
 * @param bytes a model without external data
 * @param weights names of the tensors that will change
 * @param wanted other values that the head shall give
 * @returns `head`, a model that makes the values `passed`, and those wanted, out of the original's inputs; and `tailOf(bytes,
 * types)`, a model that makes the original's outputs out of `passed`, of a model that differs in weights alone; `types` are
 * onnxruntime's names of the types of what is passed
 */
export function inTwo(bytes, weights, wanted = []) {
  const { node, initializer } = fromBinary(ModelProtoSchema, bytes).graph;
  const isConstant = ({ opType }) => opType === 'Constant';
  const constants = [
    ...initializer.map(({ name }) => name),
    ...node.filter(isConstant).flatMap(({ output }) => output),
  ];
  const changing = new Set(weights);
  const behind = new Set();
  for (const [at, { input, output }] of node.entries()) {
    if (!input.some((name) => changing.has(name))) continue;
    behind.add(at);
    for (const name of output) changing.add(name);
  }
  const fixed = new Set([...constants, ...changing, '']);
  const read = new Set([...behind].flatMap((at) => node[at].input));
  const passed = [...read].filter((name) => !fixed.has(name));
  const head = changed(bytes, (graph) => {
    graph.output = [...new Set([...passed, ...wanted])].map((name) => valueInfo(name));
  });
  const tailOf = (model, types) =>
    changed(model, (graph) => {
      graph.node = graph.node.filter((one, at) => behind.has(at) || (isConstant(one) && read.has(one.output[0])));
      graph.input = passed.map((name, at) => valueInfo(name, types[at]));
    });
  return { head, passed, tailOf };
}
