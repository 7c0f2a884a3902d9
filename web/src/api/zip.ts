// A ZIP archive of files as they are: pictures are compressed already (APPNOTE.TXT 4.3, method 0).

export interface ZipFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Numbers of 2 (`h`) or 4 (`w`) bytes, the low byte first. */
function pack(...fields: ['h' | 'w', number][]): Uint8Array<ArrayBuffer> {
  const out = new DataView(new ArrayBuffer(fields.reduce((sum, [kind]) => sum + (kind === 'h' ? 2 : 4), 0)));
  let at = 0;
  for (const [kind, value] of fields) {
    if (kind === 'h') out.setUint16(at, value, true);
    else out.setUint32(at, value, true);
    at += kind === 'h' ? 2 : 4;
  }
  return new Uint8Array(out.buffer);
}

/** Gives files of one name different ones: "a.png", "a (2).png". */
function distinct(files: ZipFile[]): ZipFile[] {
  const seen = new Map<string, number>();
  return files.map((file) => {
    const count = (seen.get(file.name) ?? 0) + 1;
    seen.set(file.name, count);
    return count === 1 ? file : { ...file, name: file.name.replace(/(\.[^.]*)?$/, ` (${count})$1`) };
  });
}

const UTF8 = 0x0800;
const VERSION = 20;

export function zipOf(files: ZipFile[]): Blob {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  const list = distinct(files);
  for (const { name, bytes } of list) {
    const encoded = new TextEncoder().encode(name);
    const common: ['h' | 'w', number][] = [['h', UTF8], ['h', 0], ['h', 0], ['h', 0x21], ['w', crc32(bytes)], ['w', bytes.length], ['w', bytes.length], ['h', encoded.length], ['h', 0]];
    const head = pack(['w', 0x04034b50], ['h', VERSION], ...common);
    parts.push(head, encoded, bytes);
    directory.push(pack(['w', 0x02014b50], ['h', VERSION], ['h', VERSION], ...common, ['h', 0], ['h', 0], ['h', 0], ['w', 0], ['w', at]), encoded);
    at += head.length + encoded.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = pack(['w', 0x06054b50], ['h', 0], ['h', 0], ['h', list.length], ['h', list.length], ['w', size], ['w', at], ['h', 0]);
  return new Blob([...parts, ...directory, end], { type: 'application/zip' });
}
