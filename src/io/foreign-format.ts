/**
 * Names files of other formats by their first bytes, so that a file given in the wrong place is called what it is instead of
 * damaged. Signatures: gzip RFC 1952, ZIP APPNOTE 4.3.7, HDF5 III.A, pickle protocols 2 to 5 (PEP 3154), NEP 1, protobuf's ONNX
 * ModelProto (field 1, a varint), FlatBuffers' file identifier.
 */
interface Signature {
  readonly bytes: readonly number[];
  /** Offset of the bytes; 0 where not given. */
  readonly at?: number;
  readonly name: string;
}

/** As many bytes from the start of a file as `foreignFormat` looks at. */
export const SIGNATURE_BYTES = 512;

const ascii = (text: string) => Array.from(text, (character) => character.charCodeAt(0));

const SIGNATURES: readonly Signature[] = [
  { bytes: [0x93, ...ascii("NUMPY")], name: "a NumPy array (.npy)" },
  { bytes: [0x1f, 0x8b], name: "compressed with gzip; unpack it first (gunzip)" },
  { bytes: ascii("BZh"), name: "compressed with bzip2; unpack it first (bunzip2)" },
  { bytes: [0xfd, ...ascii("7zXZ")], name: "compressed with xz; unpack it first (unxz)" },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], name: "compressed with Zstandard; unpack it first (unzstd)" },
  { bytes: [0x89, ...ascii("HDF")], name: "an HDF5 file; save its arrays with numpy.save" },
  { bytes: ascii("TFL3"), at: 4, name: "a TensorFlow Lite model" },
  { bytes: ascii("ustar"), at: 257, name: "a tar archive; unpack it first (tar -x)" },
];
const ZIP_START = [...ascii("PK"), 3, 4];
const ZIP_NAME = { lengthAt: 26, at: 30 } as const;
const PYTORCH =
  "a PyTorch file; convert it: import numpy, torch; " +
  "[numpy.save(name, x.float().numpy()) for name, x in torch.load(PATH, map_location='cpu').items()]";
const PICKLE_MARK = 0x80;
const PICKLE_PROTOCOLS = { first: 2, last: 5 } as const;
/** ModelProto begins with its IR version, field 1: 3 to 13 so far. */
const ONNX_START = 0x08;
const ONNX_PRODUCER = 0x12;

/** What a file of another format is; undefined where its first bytes say nothing. */
export function foreignFormat(bytes: Uint8Array): string | undefined {
  const found = SIGNATURES.find(({ bytes: wanted, at = 0 }) => startsWith(bytes.subarray(at), wanted));
  if (found !== undefined) return found.name;
  if (startsWith(bytes, ZIP_START)) return zipArchive(bytes);
  if (bytes[0] === PICKLE_MARK && bytes[1] >= PICKLE_PROTOCOLS.first && bytes[1] <= PICKLE_PROTOCOLS.last) {
    return "a Python pickle, which can run any code when it is read; save its arrays with numpy.save";
  }
  if (bytes[0] === ONNX_START && bytes[1] < PICKLE_MARK && bytes[2] === ONNX_PRODUCER) return "an ONNX model";
  return undefined;
}

function startsWith(bytes: Uint8Array, wanted: readonly number[]): boolean {
  return wanted.every((byte, i) => bytes[i] === byte);
}

/** What a ZIP archive holds, by the name of its first entry. */
function zipArchive(bytes: Uint8Array): string {
  const length = bytes[ZIP_NAME.lengthAt] + 256 * bytes[ZIP_NAME.lengthAt + 1];
  const first = new TextDecoder("latin1").decode(bytes.subarray(ZIP_NAME.at, ZIP_NAME.at + length));
  if (first.endsWith(".npy")) return "a NumPy archive (.npz); unpack it first (unzip)";
  if (/(^|\/)(data\.pkl|byteorder|version|\.format_version)$/.test(first)) return PYTORCH;
  return "a ZIP archive; unpack it first (unzip)";
}
