/** `.npy` files written from NumPy's own description of the format (numpy.lib.format), for tests that read them. */

/** Element types and how a value is put into bytes; float16 knows whole numbers below 2048 only. */
export const DTYPES: Readonly<Record<string, (view: DataView, at: number, value: number) => void>> = {
  "|b1": (view, at, value) => view.setUint8(at, value === 0 ? 0 : 1),
  "|u1": (view, at, value) => view.setUint8(at, value),
  "|i1": (view, at, value) => view.setInt8(at, value),
  "<u2": (view, at, value) => view.setUint16(at, value, true),
  "<i2": (view, at, value) => view.setInt16(at, value, true),
  "<i4": (view, at, value) => view.setInt32(at, value, true),
  "<u4": (view, at, value) => view.setUint32(at, value, true),
  "<i8": (view, at, value) => view.setBigInt64(at, BigInt(Math.round(value)), true),
  "<u8": (view, at, value) => view.setBigUint64(at, BigInt.asUintN(64, BigInt(Math.round(value))), true),
  "<f4": (view, at, value) => view.setFloat32(at, value, true),
  "<f8": (view, at, value) => view.setFloat64(at, value, true),
};

/** How a file is written, where not as `numpy.save` does by default. */
export interface NpyStyle {
  readonly dtype?: string;
  readonly fortran?: boolean;
  readonly version?: 1 | 2 | 3;
  /** Header instead of the right one. */
  readonly header?: string;
}

/** The bytes of a file; `values` in C order of `shape`, of a dtype that can hold them. */
export function npyFile(
  values: ArrayLike<number>,
  shape: readonly number[],
  { dtype = "<f4", fortran = false, version = 1, header }: NpyStyle = {},
): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = header ?? `{'descr': '${dtype}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${tuple}, }`;
  const lengthBytes = version === 1 ? 2 : 4;
  const start = Math.ceil((8 + lengthBytes + text.length + 1) / 64) * 64;
  const elementBytes = Number(dtype.slice(2));
  const bytes = new Uint8Array(start + values.length * elementBytes);
  const view = new DataView(bytes.buffer);
  bytes.set([0x93, ...Buffer.from("NUMPY"), version, 0]);
  const length = start - 8 - lengthBytes;
  if (version === 1) view.setUint16(8, length, true);
  else view.setUint32(8, length, true);
  bytes.set(Buffer.from(`${text.padEnd(length - 1)}\n`, "latin1"), 8 + lengthBytes);
  for (let i = 0; i < values.length; i++) {
    DTYPES[dtype](view, start + place(i, shape, fortran) * elementBytes, values[i]);
  }
  return bytes;
}

/** Where element `i` of C order is stored. */
function place(i: number, shape: readonly number[], fortran: boolean): number {
  if (!fortran) return i;
  let rest = i;
  const index = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return index.reduceRight((at, x, axis) => at * shape[axis] + x, 0);
}
