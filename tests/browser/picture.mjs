// A small picture, painted here: no file is needed.
import { deflateSync } from 'node:zlib';
import { crc32 } from './crc32.mjs';

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** A PNG of a sun over the sea, `size` high; `hue` shifts its colours. */
export function picture(size = 192, hue = 0, width = size) {
  const rows = Buffer.alloc(size * (width * 3 + 1));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < width; x++) {
      const far = Math.hypot(x - size * 0.62, y - size * 0.34) / size;
      const sky = y < size * 0.62;
      const wave = sky ? 0 : 18 * Math.sin((x + y * 3) / 7);
      const colour = far < 0.13 ? [255, 224, 150] : sky ? [230 - y, 140 + y / 4, 120 + y / 2] : [40 + wave, 90 + wave, 130];
      const at = y * (width * 3 + 1) + 1 + x * 3;
      for (let c = 0; c < 3; c++) rows[at + c] = Math.max(0, Math.min(255, colour[(c + hue) % 3]));
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
