import { describe, expect, it } from 'vitest';
import { drawFrom, rewrittenText, rewriteTexts } from '../src/graph/dynamicText';

const rewritten = (text: string) => rewrittenText(text, drawFrom(1n));

describe('texts with comments and choices', () => {
  it('lose their comments, but not what follows "http:"', () => {
    expect(rewritten('a barn // not this\nat night')).toBe('a barn \nat night');
    expect(rewritten('a /* not\nthis */ barn')).toBe('a  barn');
    expect(rewritten('see http://example.org/a // this goes')).toBe('see http://example.org/a ');
  });

  it('keep braces behind a backslash', () => {
    expect(rewritten('a \\{red\\|blue\\} \\(barn\\)')).toBe('a {red|blue} \\(barn\\)');
  });

  it('get one of each of the choices, the one that the server picks', () => {
    const picks = new Set(Array.from({ length: 200 }, (_, i) => rewrittenText('{a|b|{c|d|}}', drawFrom(BigInt(i)))));
    expect([...picks].sort()).toEqual(['', 'a', 'b', 'c', 'd']);
    const draw = drawFrom(7n);
    expect(rewrittenText('{a|b|c|d} {e|f|g|h} {i|j|k|l}', draw)).toBe('d e k');
  });

  it('are those of marked inputs only, and follow the seed', () => {
    const text = ['STRING', { dynamicPrompts: true }] as const;
    const infos = {
      Text: { input: { required: { text, plain: ['STRING'] } } },
      Sample: { input: { required: { seed: ['INT', { control_after_generate: true }] } } },
    } as never;
    const made = (seed: number) =>
      rewriteTexts(
        {
          '1': { class_type: 'Text', inputs: { text: '{a|b|c|d}', plain: '{a|b}' } },
          '2': { class_type: 'Sample', inputs: { seed } },
        },
        infos,
      )['1']!.inputs;
    expect(made(3)).toEqual(made(3));
    expect(made(3)['plain']).toBe('{a|b}');
    expect(new Set(Array.from({ length: 40 }, (_, i) => made(i)['text'])).size).toBe(4);
  });
});
