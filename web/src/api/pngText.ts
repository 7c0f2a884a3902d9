// Texts inside a PNG file: chunks tEXt, zTXt and iTXt (PNG specification, third edition, 11.3.3).

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const LONGEST_TEXT = 16 << 20;

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((value, i) => bytes[i] === value);
}

/** All texts by keyword. A file that is no PNG has none; damaged chunks are passed over. */
export async function pngTexts(bytes: Uint8Array): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  if (!isPng(bytes)) return texts;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = latin1(bytes.subarray(at + 4, at + 8));
    const begin = at + 8;
    if (length > bytes.length - begin - 4 || type === 'IEND') break;
    const data = bytes.subarray(begin, begin + length);
    try {
      const entry = await readChunk(type, data);
      if (entry && !texts.has(entry[0])) texts.set(entry[0], entry[1]);
    } catch {
      // A chunk that cannot be read holds nothing for us.
    }
    at = begin + length + 4;
  }
  return texts;
}

async function readChunk(type: string, data: Uint8Array): Promise<[string, string] | undefined> {
  if (type !== 'tEXt' && type !== 'zTXt' && type !== 'iTXt') return undefined;
  const end = data.indexOf(0);
  if (end < 1) return undefined;
  const keyword = latin1(data.subarray(0, end));
  if (type === 'tEXt') return [keyword, latin1OrUtf8(data.subarray(end + 1))];
  if (type === 'zTXt') return [keyword, latin1OrUtf8(await inflate(data.subarray(end + 2)))];
  const compressed = data[end + 1] === 1;
  const language = data.indexOf(0, end + 3);
  const translated = language < 0 ? -1 : data.indexOf(0, language + 1);
  if (translated < 0) return undefined;
  const text = data.subarray(translated + 1);
  return [keyword, new TextDecoder().decode(compressed ? await inflate(text) : text)];
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

/** Latin-1 by the specification, but programs put UTF-8 there all the same. */
function latin1OrUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return latin1(bytes);
  }
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream('deflate'));
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > LONGEST_TEXT) throw new Error('a text in the picture is too long');
    parts.push(value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
