// Small model files.
import { readFileSync } from 'node:fs';

/** The header of a .safetensors file. */
export function header(file) {
  const bytes = readFileSync(file);
  return JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))));
}

/** A file of zeros: shapes by the names of the tensors. */
export function safetensors(tensors) {
  let at = 0;
  const head = {};
  for (const [name, shape] of Object.entries(tensors)) {
    const size = shape.reduce((a, b) => a * b, 4);
    head[name] = { dtype: 'F32', shape, data_offsets: [at, at + size] };
    at += size;
  }
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(at)]);
}
