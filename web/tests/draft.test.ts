import { describe, expect, it } from 'vitest';
import * as drafts from '../src/state/form/draft';
import { prompt, technique } from './samples';

describe('a draft', () => {
  it('begins without pictures and leaves the technique as it is', () => {
    const draft = drafts.newDraft(technique);
    expect(drafts.missingPictures(draft, technique)).toEqual(['3']);
    expect(technique.prompt['3']?.inputs['image']).toBe('lighthouse.png');
  });

  it('takes words in every node that holds them, but not in place of a connection', () => {
    const other = drafts.withInput(prompt, '7', 'text', ['1', 0]);
    const [six, seven] = [{ node: '6', input: 'text' }, { node: '7', input: 'text' }];
    const out = drafts.withWords(other, [six, seven], 'a tower');
    expect(out['6']?.inputs['text']).toBe('a tower');
    expect(out['7']?.inputs['text']).toEqual(['1', 0]);
    expect(drafts.wordsOf(out, [seven, six])).toBe('a tower');
  });

  it('puts a seed into the seed knobs only', () => {
    const out = drafts.withSeed(prompt, technique, 5n);
    expect(out['8']?.inputs).toMatchObject({ seed: 5n, denoise: 0.6 });
    expect(Number.isSafeInteger(drafts.randomSeed())).toBe(true);
  });

  it('carries pictures and changed words over to another technique', () => {
    const to = {
      ...technique,
      name: 'other',
      pictures: [{ node: '30', label: 'Style' }],
      prompts: [{ node: '60', input: 'text_g' }, { node: '60', input: 'text_l' }],
      negatives: [{ node: '70', input: 'text' }],
      prompt: {
        '30': { class_type: 'LoadImage', inputs: { image: 'x.png' } },
        '60': { class_type: 'CLIPTextEncodeSDXL', inputs: { text_g: 'old', text_l: 'old' } },
        '70': { class_type: 'CLIPTextEncode', inputs: { text: 'own' } },
      },
    };
    let mine = drafts.withInput(drafts.newDraft(technique), '3', 'image', 'mine.png');
    mine = drafts.withWords(mine, technique.prompts, 'new words');
    const out = drafts.carryOver({ technique, prompt: mine }, to);
    expect(out['30']?.inputs['image']).toBe('mine.png');
    expect(out['60']?.inputs).toEqual({ text_g: 'new words', text_l: 'new words' });
    expect(out['70']?.inputs['text']).toBe('own');
  });
});
