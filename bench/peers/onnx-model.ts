/**
 * The bytes of an ONNX model of one node, y [rows, columns] = x [rows, inner] · w with w [inner, columns] a constant, so
 * that a runtime may rearrange w when it loads the model. Numbers of fields are those of onnx.proto3 (ONNX 1.13).
 */

const TYPE_FLOAT = 1;
const IR_VERSION = 8;
const OPERATOR_SET = 13;

const MODEL = { irVersion: 1, graph: 7, operatorSet: 8 };
const OPERATOR_SET_VERSION = 2;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, operator: 4 };
const TENSOR = { extent: 1, type: 2, name: 8, bytes: 9 };
const VALUE = { name: 1, type: 2 };
const TYPE_TENSOR = 1;
const TENSOR_TYPE = { element: 1, shape: 2 };
const SHAPE_EXTENT = 1;
const EXTENT_VALUE = 1;

/** Wire types of Protocol Buffers. */
const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
const TAG_BITS = 3;
const VARINT_BASE = 128;

/** The model; values of w in C order. */
export function matMulModel(rows: number, inner: number, columns: number, w: Float32Array): Uint8Array {
  const constant = message(
    number(TENSOR.extent, inner),
    number(TENSOR.extent, columns),
    number(TENSOR.type, TYPE_FLOAT),
    text(TENSOR.name, "w"),
    bytes(TENSOR.bytes, new Uint8Array(w.buffer, w.byteOffset, w.byteLength)),
  );
  const node = message(
    text(NODE.input, "x"),
    text(NODE.input, "w"),
    text(NODE.output, "y"),
    text(NODE.operator, "MatMul"),
  );
  const graph = message(
    bytes(GRAPH.node, node),
    text(GRAPH.name, "product"),
    bytes(GRAPH.initializer, constant),
    bytes(GRAPH.input, matrix("x", rows, inner)),
    bytes(GRAPH.output, matrix("y", rows, columns)),
  );
  return message(
    number(MODEL.irVersion, IR_VERSION),
    bytes(MODEL.operatorSet, number(OPERATOR_SET_VERSION, OPERATOR_SET)),
    bytes(MODEL.graph, graph),
  );
}

/** Declaration of a matrix of floats. */
function matrix(name: string, rows: number, columns: number): Uint8Array {
  const extents = [rows, columns].map((extent) => bytes(SHAPE_EXTENT, number(EXTENT_VALUE, extent)));
  const tensor = message(number(TENSOR_TYPE.element, TYPE_FLOAT), bytes(TENSOR_TYPE.shape, message(...extents)));
  return message(text(VALUE.name, name), bytes(VALUE.type, bytes(TYPE_TENSOR, tensor)));
}

function message(...fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

function number(field: number, value: number): Uint8Array {
  return message(varint((field << TAG_BITS) | WIRE_VARINT), varint(value));
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return message(varint((field << TAG_BITS) | WIRE_BYTES), varint(value.length), value);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, Buffer.from(value));
}

/** Seven bits a byte, lowest first; the highest bit says that more follow. */
function varint(value: number): Uint8Array {
  const result: number[] = [];
  let rest = value;
  for (; rest >= VARINT_BASE; rest = Math.floor(rest / VARINT_BASE)) {
    result.push((rest % VARINT_BASE) + VARINT_BASE);
  }
  return Uint8Array.from([...result, rest]);
}
