import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { pngTexts } from '../src/api/pngText';
import { workflowInFile } from '../src/state/form/restore';

const bytes = (text: string, encoding: BufferEncoding = 'latin1') => Buffer.from(text, encoding);

function chunk(type: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, bytes(type), data, Buffer.alloc(4)]);
}

function png(...chunks: Buffer[]): Uint8Array {
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return new Uint8Array(Buffer.concat([signature, ...chunks, chunk('IEND', new Uint8Array())]));
}

const PROMPT = '{"1":{"class_type":"KSampler","inputs":{"seed":18446744073709551615}}}';

describe('pngTexts', () => {
  it('reads plain, compressed and international texts', async () => {
    const texts = await pngTexts(
      png(
        chunk('tEXt', bytes('a\0plain')),
        chunk('zTXt', Buffer.concat([bytes('b\0\0'), deflateSync(bytes('packed'))])),
        chunk('iTXt', Buffer.concat([bytes('c\0\0\0de\0\0'), bytes('Grüße', 'utf8')])),
        chunk('iTXt', Buffer.concat([bytes('d\0\x01\0\0\0'), deflateSync(bytes('東京', 'utf8'))])),
      ),
    );
    expect(Object.fromEntries(texts)).toEqual({ a: 'plain', b: 'packed', c: 'Grüße', d: '東京' });
  });

  it('takes UTF-8 in tEXt for what it is, and Latin-1 otherwise', async () => {
    const texts = await pngTexts(png(chunk('tEXt', bytes('a\0é', 'utf8')), chunk('tEXt', bytes('b\0é'))));
    expect([texts.get('a'), texts.get('b')]).toEqual(['é', 'é']);
  });

  it('passes over damage', async () => {
    const cut = png(chunk('tEXt', bytes('a\0whole'))).slice(0, -12);
    const lying = Buffer.concat([Buffer.from([0x7f, 0xff, 0xff, 0xff]), bytes('tEXtb\0beyond')]);
    const texts = await pngTexts(new Uint8Array(Buffer.concat([cut, lying])));
    expect([...texts.keys()]).toEqual(['a']);
    const broken = await pngTexts(png(chunk('zTXt', bytes('a\0\0not deflated')), chunk('tEXt', bytes('b\0fine'))));
    expect([...broken.keys()]).toEqual(['b']);
    expect((await pngTexts(new Uint8Array([1, 2, 3]))).size).toBe(0);
  });
});

describe('workflowInFile', () => {
  it('finds the prompt and the note of the page in a picture, all digits kept', async () => {
    const file = new Blob([
      png(chunk('tEXt', bytes(`prompt\0${PROMPT}`)), chunk('tEXt', bytes('easel\0{"technique":"style"}'))) as BlobPart,
    ]);
    const found = await workflowInFile(file);
    expect(found?.note).toEqual({ technique: 'style' });
    expect(found?.prompt?.['1']?.inputs['seed']).toBe(18446744073709551615n);
  });

  it('finds both forms in JSON, bare or wrapped', async () => {
    const of = (text: string) => workflowInFile(new Blob([text]));
    expect((await of(PROMPT))?.prompt).toBeDefined();
    expect((await of(` {"prompt":${PROMPT}}`))?.prompt).toBeDefined();
    expect((await of('{"nodes":[],"links":[]}'))?.graph).toBeDefined();
    expect((await of('{"workflow":{"nodes":[],"links":[]}}'))?.graph).toBeDefined();
    expect(await of('{"nodes":1}')).toBeUndefined();
    expect(await of('{')).toBeUndefined();
    expect(await of('hello')).toBeUndefined();
  });
});
