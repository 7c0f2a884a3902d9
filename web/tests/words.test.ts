import { describe, expect, it } from 'vitest';
import { readFrame } from '../src/api/frames';
import { imageName, inputImage } from '../src/api/routes';
import { readFaults, sayFailure, sayFault } from '../src/state/form/errors';
import { readNumber, sliderRange } from '../src/state/form/knobs';
import { parseValues, suggestValues } from '../src/state/form/values';
import type { InputSpec } from '../src/api/types';
import { prompt } from './samples';

const DENOISE: InputSpec = ['FLOAT', { default: 1, min: 0, max: 1, step: 0.01 }];
const STEPS: InputSpec = ['INT', { default: 20, min: 1, max: 10000 }];
const SEED: InputSpec = ['INT', { min: 0, max: 18446744073709551615n }];

describe('faults', () => {
  const fault = (code: string, input_name: string, input_config: InputSpec | undefined, received_value: string | number, more = {}) => ({
    type: 't',
    message: 'm',
    details: 'd',
    extra_info: { code, input_name, input_config, received_value, ...more },
  });

  it('are said in plain words', () => {
    expect(sayFault(fault('too_large', 'denoise', DENOISE, 2))).toBe('Must be at most 1.');
    expect(sayFault(fault('model_missing', 'ckpt_name', [['a', 'b']], 'c'))).toBe('“c” is not there. There is: a, b');
    expect(sayFault(fault('model_missing', 'ckpt_name', [[]], 'x.ckpt'))).toContain('nor any other file');
    expect(sayFault(fault('picture_missing', 'image', undefined, 'c.png'))).toBe('The server has no picture “c.png”. Choose it again.');
    expect(sayFault(fault('picture_missing', 'image', undefined, ''))).toBe('Choose a picture first.');
    expect(sayFault(fault('wrong_link_type', 'image', ['IMAGE'], '', { received_type: 'LATENT' }))).toBe(
      'A connection of the wrong kind: it brings LATENT, and IMAGE is needed.',
    );
    expect(sayFault(fault('bad_link', 'image', ['IMAGE'], '', { reason: 'there is no node 9' }))).toContain('There is no node 9.');
    expect(sayFault({ type: 'new_kind', message: 'Message', details: 'why' })).toBe('Message: why');
  });

  it('are told apart by their code, not by words in them', () => {
    const picture = fault('invalid', 'image', undefined, 'sea.png', { reason: 'the image is 3 pixels wide; an image of 8 or more is needed' });
    expect(sayFault(picture)).toBe('The image is 3 pixels wide; an image of 8 or more is needed.');
    // Only files can be missing; a sampler is a word.
    const sampler = fault('not_a_choice', 'sampler_name', undefined, 'eulr', { hint: "did you mean 'euler'?" });
    expect(sayFault(sampler)).toBe("There is no sampler “eulr”. Did you mean 'euler'?");
    const gone = fault('unknown_class', '', undefined, '', { class_type: 'KSamplr', hint: "did you mean 'KSampler'?" });
    expect(sayFault(gone)).toBe("The server has no node “KSamplr”. Did you mean 'KSampler'?");
  });

  it('of a run are said without the node', () => {
    expect(sayFailure({ reason: 'a.png: it is cut short', exception_message: 'node 3 (LoadImage): a.png: it is cut short' })).toBe(
      'A.png: it is cut short.',
    );
    expect(sayFailure({ exception_message: 'out of memory' })).toBe('Out of memory.');
    const gone = { code: 'picture_missing', input_name: 'image', current_inputs: { image: ['sea.png'] }, reason: 'Invalid image file: sea.png' };
    expect(sayFailure(gone)).toBe('The server has no picture “sea.png” any more. Choose it again.');
    expect(sayFailure({ ...gone, hint: "did you mean 'see.png'?" })).toMatch(/again\. Did you mean 'see\.png'\?$/);
    expect(sayFailure({})).toBe('The server did not say why.');
  });

  it('go to their fields, and to the rest where the form has none', () => {
    const node_errors = {
      '8': { class_type: 'KSampler', errors: [fault('too_large', 'denoise', DENOISE, 2)] },
      '1': { class_type: 'CheckpointLoaderSimple', errors: [fault('model_missing', 'ckpt_name', [['a']], 'c')] },
    };
    const faults = readFaults({ error: { message: 'x' }, node_errors }, prompt, (f) => f === '8.denoise');
    expect(faults.fields['8.denoise']).toBe('Must be at most 1.');
    expect(faults.general).toEqual(['CheckpointLoaderSimple, ckpt_name: “c” is not there. There is: a']);
    expect(faults.nodes['8']).toEqual(['denoise: Must be at most 1.']);
    expect(readFaults({ error: { message: 'No', details: 'why' } }, prompt, () => true).general).toEqual(['No. Why.']);
    expect(readFaults(null, prompt, () => true).general).toHaveLength(1);
  });
});

describe('numbers', () => {
  it('are read and checked', () => {
    expect(readNumber('0,5', DENOISE)).toEqual({ value: 0.5 });
    expect(readNumber('1.5', DENOISE)).toEqual({ value: 1.5, fault: 'Must be at most 1.' });
    expect(readNumber('', DENOISE).fault).toBeDefined();
    expect(readNumber('2.5', STEPS).value).toBeUndefined();
    expect(readNumber('18446744073709551615', SEED)).toEqual({ value: 18446744073709551615n });
    expect(readNumber('18446744073709551616', SEED).fault).toContain('at most');
  });

  it('get a slider over what is of use', () => {
    expect(sliderRange(DENOISE)).toEqual({ min: 0, max: 1, step: 0.01 });
    const useful = { min: 1, max: 50, step: 1 };
    expect(sliderRange(['INT', { min: 1, max: 10000, useful }])).toEqual(useful);
    expect(sliderRange(STEPS)).toBeUndefined();
    expect(sliderRange(['STRING'])).toBeUndefined();
  });
});

describe('a strip', () => {
  it('suggests values that it takes itself', () => {
    expect(suggestValues(DENOISE, 0.6, 5)).toEqual(['0.2', '0.4', '0.6', '0.8', '1']);
    expect(suggestValues(STEPS, 20, 3)).toEqual(['10', '20', '30']);
    expect(parseValues(suggestValues(STEPS, 20, 5).join(', '), STEPS)).toHaveProperty('values');
  });

  it('says what is wrong with values', () => {
    const fault = (text: string, spec: InputSpec) => (parseValues(text, spec) as { fault?: string }).fault;
    expect(parseValues('0.2; 0.4 0.6', DENOISE)).toEqual({ values: [0.2, 0.4, 0.6] });
    expect(parseValues('a\nb', [['a', 'b']])).toEqual({ values: ['a', 'b'] });
    expect(fault('1', STEPS)).toContain('two values');
    expect(fault('0.5, 2', DENOISE)).toBe('2 is above 1.');
    expect(fault('1.5, 2', STEPS)).toContain('whole');
    expect(fault('x, 2', STEPS)).toContain('number');
    expect(fault('a, c', [['a', 'b']])).toContain('choices');
  });
});

describe('picture names', () => {
  it('go there and back', () => {
    for (const name of ['a.png', 'sub/a.png', 'sub/b c.png [output]']) expect(imageName(inputImage(name))).toBe(name);
    expect(inputImage('x/y.png [temp]')).toEqual({ filename: 'y.png', subfolder: 'x', type: 'temp' });
  });
});

describe('preview frames', () => {
  const frame = (kind: number, second: number, rest: Uint8Array) => {
    const out = new Uint8Array(8 + rest.length);
    new DataView(out.buffer).setUint32(0, kind);
    new DataView(out.buffer).setUint32(4, second);
    out.set(rest, 8);
    return out.buffer;
  };

  it('are read in both forms', async () => {
    const plain = readFrame(frame(1, 2, new Uint8Array([7, 8])));
    expect(plain?.picture.type).toBe('image/png');
    expect([...new Uint8Array(await plain!.picture.arrayBuffer())]).toEqual([7, 8]);
    const about = new TextEncoder().encode('{"prompt_id":"a","node_id":"8","image_type":"image/jpeg"}');
    const described = readFrame(frame(4, about.length, new Uint8Array([...about, 9])));
    expect(described).toMatchObject({ promptId: 'a', node: '8' });
    expect(described?.picture.size).toBe(1);
  });

  it('of other kinds, or cut short, are nothing', () => {
    expect(readFrame(new ArrayBuffer(4))).toBeUndefined();
    expect(readFrame(frame(3, 1, new Uint8Array(4)))).toBeUndefined();
    expect(readFrame(frame(4, 99, new Uint8Array(4)))).toBeUndefined();
    expect(readFrame(frame(4, 3, new Uint8Array(4)))).toBeUndefined();
  });
});
