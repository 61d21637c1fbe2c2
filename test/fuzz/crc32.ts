/** The checksum of PNG chunks (ISO 3309), which `node:zlib` has from Node 22 on. */
const POLYNOMIAL = 0xedb88320;

export function crc32Of(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return ~crc >>> 0;
}
