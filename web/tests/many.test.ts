import { describe, expect, it } from 'vitest';
import { changeWeight, completionsAt, sayTokens, withStyle } from '../src/state/form/wordTools';
import { alternatives, type Axis, differences, knobAxis, seedsFrom, setOf, spread, tableOf, wordsAxis } from '../src/state/form/variations';
import { promptTexts } from '../src/state/form/catalog';
import { byDay, entriesOf, find, noSearch } from '../src/state/gallery/entries';
import { detailsOf, titleOf } from '../src/state/jobs/about';
import { type Job, type Jobs, noJobs, reduce } from '../src/state/jobs/jobs';
import { queueSecondsLeft, workOf } from '../src/state/jobs/timing';
import { zipOf } from '../src/api/zip';
import { prompt, queueItem, technique } from './samples';

describe('alternatives in words', () => {
  it('stand for every combination', () => {
    expect(alternatives('a {red|blue} boat')).toEqual(['a red boat', 'a blue boat']);
    expect(alternatives('{a|b} {1|2}')).toEqual(['a 1', 'a 2', 'b 1', 'b 2']);
    expect(alternatives('{a {x|y}|b}')).toEqual(['a x', 'a y', 'b']);
    expect(alternatives('{one} and \\{a|b\\} and {|thin }line')).toEqual(['{one} and \\{a|b\\} and line', '{one} and \\{a|b\\} and thin line']);
    expect(alternatives('open {a|b')).toEqual(['open {a|b']);
    expect(alternatives(Array.from({ length: 12 }, () => '{a|b}').join(' '), 50)).toHaveLength(50);
  });

  it('are told by what differs', () => {
    expect(differences(['a red boat', 'a dark blue boat'])).toEqual(['red', 'dark blue']);
    expect(differences(['a boat', 'a red boat'])).toEqual(['–', 'red']);
    expect(differences(['boats', 'boat'])).toEqual(['boats', 'boat']);
  });
});

describe('a set of jobs', () => {
  const steps = knobAxis(technique, { node: '8', input: 'steps', label: 'Steps' }, [2, 4, 6]);
  const words = wordsAxis(technique, 'a {red|blue} boat')!;

  it('has a workflow for each combination', () => {
    const made = spread(prompt, [steps, words], 'id');
    expect(made.map((m) => [m.prompt['8']!.inputs['steps'], m.prompt['6']!.inputs['text']])).toEqual([
      [2, 'a red boat'], [4, 'a red boat'], [6, 'a red boat'], [2, 'a blue boat'], [4, 'a blue boat'], [6, 'a blue boat'],
    ]);
    expect(made[4]!.set).toEqual({ id: 'id', axes: [{ label: 'Steps', values: ['2', '4', '6'] }, { label: 'Words', values: ['red', 'blue'] }], at: [1, 1] });
    expect(spread(prompt, [], 'id')).toEqual([{ prompt }]);
    expect(wordsAxis(technique, 'one boat')).toBeUndefined();
  });

  it('has seeds one after the other, to the last digit', () => {
    expect(seedsFrom(7, 3)).toEqual([7, 8, 9]);
    expect(seedsFrom(18446744073709551615n, 2)).toEqual([18446744073709551615n, 0]);
    expect(seedsFrom(9007199254740991, 2)).toEqual([9007199254740991, 9007199254740992n]);
  });

  it('is shown as a table, whatever is there of it', () => {
    const made = spread(prompt, [steps, words] as Axis[], 'id').map(({ set }, i) => ({ job: { id: `${i}` } as Job, set: set! }));
    const table = tableOf(made.filter((_, i) => i !== 1));
    expect(table.columns).toEqual(['2', '4', '6']);
    expect(table.rows.map((r) => [r.name, r.cells.map((c) => c?.id)])).toEqual([['red', ['0', undefined, '2']], ['blue', ['3', '4', '5']]]);
    const old = setOf({ strip: { id: 's', node: '8', input: 'denoise', label: 'Change', value: 0.4, index: 1 } });
    expect(old).toMatchObject({ id: 's', at: [1] });
    expect(tableOf([{ job: { id: 'x' } as Job, set: old! }]).columns).toEqual(['', '0.4']);
  });
});

describe('writing words', () => {
  it('weighs the word at the caret, a selection, a group', () => {
    expect(changeWeight({ text: 'a red boat', from: 3, to: 3 }, 0.05)).toEqual({ text: 'a (red:1.05) boat', from: 2, to: 12 });
    expect(changeWeight({ text: 'a (red:1.05) boat', from: 4, to: 4 }, 0.05).text).toBe('a (red:1.1) boat');
    expect(changeWeight({ text: 'a (red:1.05) boat', from: 2, to: 12 }, -0.05)).toEqual({ text: 'a red boat', from: 2, to: 5 });
    expect(changeWeight({ text: 'a (red boat)', from: 4, to: 4 }, -0.05).text).toBe('a (red boat:1.05)');
    expect(changeWeight({ text: 'the dark sea ', from: 4, to: 13 }, 0.05).text).toBe('the (dark sea:1.05) ');
    expect(changeWeight({ text: 'a (red:1.2) boat', from: 3, to: 6 }, 0.05).text).toBe('a (red:1.25) boat');
    expect(changeWeight({ text: ' , ', from: 1, to: 1 }, 0.05).text).toBe(' , ');
  });

  it('completes names', () => {
    const at = (text: string) => completionsAt(text, text.length, ['easynegative.pt', 'sea_foam.safetensors'], ['ink.safetensors', 'Wash.safetensors']);
    expect(at('a boat, embedding:ea')?.items.map((i) => i.insert)).toEqual(['embedding:easynegative', 'embedding:sea_foam']);
    expect(at('a foam')).toMatchObject({ from: 2, items: [{ insert: 'embedding:sea_foam' }] });
    expect(at('a boat <lora:w')).toMatchObject({ from: 7, items: [{ insert: '<lora:Wash:1>' }] });
    expect(at('a se')).toBeUndefined();
    expect(at('')).toBeUndefined();
  });

  it('adds a style and takes it out again', () => {
    const inked = withStyle('a boat', 'ink, fine lines');
    expect(inked).toBe('a boat, ink, fine lines');
    expect(withStyle(inked, 'ink, fine lines')).toBe('a boat');
    const framed = withStyle('a boat', 'photo of {prompt}, 35 mm');
    expect(framed).toBe('photo of a boat, 35 mm');
    expect(withStyle(framed, 'photo of {prompt}, 35 mm')).toBe('a boat');
    expect(withStyle('', 'ink')).toBe('ink');
    expect(withStyle('ink', 'ink')).toBe('');
  });

  it('counts tokens in chunks', () => {
    expect(sayTokens([31])).toBe('31 of 75 tokens');
    expect(sayTokens([75, 6])).toBe('81 of 150 tokens, 2 chunks (75 + 6)');
  });
});

/** Jobs that have ended, oldest first, ten seconds each. */
function ended(...notes: object[]): Jobs {
  const history = Object.fromEntries(
    notes.map((easel, i) => {
      const item = queueItem(`job${i}`);
      item[3] = { extra_pnginfo: { easel } };
      const at = new Date(2026, 4, 4, 10).getTime() + i * 86400000;
      const messages: [string, Record<string, unknown>][] = [['execution_start', { timestamp: at - 10000 }], ['execution_success', { timestamp: at }]];
      return [`job${i}`, { prompt: item, outputs: { '10': { images: [{ filename: `p${i}.png`, subfolder: '', type: 'output' }] } }, status: { status_str: 'success', completed: true, messages } }];
    }),
  );
  return reduce(noJobs, { kind: 'history', history });
}
const set = (at: number[]) => ({ set: { id: 's', axes: [{ label: 'Steps', values: ['2', '4'] }], at } });

describe('the gallery', () => {
  promptTexts.value = { CLIPTextEncode: ['text'], CLIPTextEncodeSDXL: ['text_g', 'text_l'], Join: ['a', 'b'] };
  const jobs = ended({ technique: 'img2img' }, set([0]), set([1]), {});
  const entries = entriesOf(jobs, [technique]);

  it('has one entry for a set, newest first', () => {
    expect(entries.map((e) => e.pictures.map((p) => p.image.filename))).toEqual([['p3.png'], ['p1.png', 'p2.png'], ['p0.png']]);
    expect(entries[1]).toMatchObject({ over: 'Steps', title: 'a lighthouse' });
  });

  it('finds by words, model and mark', () => {
    const names = (search: Partial<typeof noSearch>, marks = new Set<string>()) =>
      find(entries, { ...noSearch, ...search }, marks, [technique]).map((e) => e.pictures[0]!.image.filename);
    expect(names({ words: 'LIGHT house' })).toEqual(['p3.png', 'p1.png', 'p0.png']);
    expect(names({ words: 'draw over' })).toEqual(['p0.png']);
    expect(names({ words: 'boat' })).toEqual([]);
    expect(names({ words: 'p2.png' })).toEqual(['p1.png']);
    expect(names({ model: 'a.safetensors' })).toHaveLength(3);
    expect(names({ model: 'b.safetensors' })).toEqual([]);
    expect(names({ favourites: true }, new Set(['output//p2.png']))).toEqual(['p1.png']);
  });

  it('is parted by days', () => {
    const now = new Date(2026, 4, 7, 23).getTime();
    expect(byDay(entries, now).map((d) => [d.name, d.entries.length])).toEqual([['Today', 1], ['Yesterday', 1], ['Monday 4 May', 1]]);
    expect(byDay(entries, new Date(2027, 0, 1).getTime())[2]!.name).toContain('2026');
  });

  it('finds the words by what the nodes declare', () => {
    const job = jobs.byId['job0']!;
    const titled = (nodes: Job['prompt']) => titleOf({ ...job, prompt: { ...job.prompt, ...nodes } }, [technique]);
    // Over a node that joins texts, and one that is declared to hold none.
    const encode = { class_type: 'CLIPTextEncode', inputs: { text: ['20', 0], clip: ['1', 1] } } as Job['prompt'][string];
    expect(titled({ '6': encode, '20': { class_type: 'Join', inputs: { a: '', b: 'a red barn' } } })).toBe('a red barn');
    expect(titled({ '6': encode, '20': { class_type: 'Note', inputs: { text: 'a red barn' } } })).toBe(technique.title);
    expect(titled({ '6': { class_type: 'CLIPTextEncodeSDXL', inputs: { text_g: '', text_l: 'a boat' } } })).toBe('a boat');
  });

  it('tells what a picture was made with', () => {
    const job = jobs.byId['job0']!;
    expect(titleOf(job, [technique])).toBe('a lighthouse');
    const told = Object.fromEntries(detailsOf(job, [technique], { width: 640, height: 480 }).map((d) => [d.name, d.value]));
    expect(told).toMatchObject({ Seed: '1', Model: 'a.safetensors', Steps: '20', Size: '640 × 480', Time: '10 s', Change: '0.6' });
  });
});

describe('the time that is left', () => {
  it('goes by how long the last jobs took', () => {
    let jobs = ended({}, {});
    expect(queueSecondsLeft(jobs)).toBeUndefined();
    const item = (id: string, steps: number) => {
      const out = queueItem(id);
      out[2] = { ...prompt, '8': { ...prompt['8']!, inputs: { ...prompt['8']!.inputs, steps } } };
      return out;
    };
    jobs = reduce(jobs, { kind: 'queue', queue: { queue_running: [], queue_pending: [item('a', 20), item('b', 40)] }, askedMs: 1 });
    expect(queueSecondsLeft(jobs)).toBeCloseTo(30);
    expect(workOf(jobs.byId['b']!)).toBeCloseTo(2 * workOf(jobs.byId['a']!));
  });
});

describe('an archive', () => {
  it('holds the files as they are', async () => {
    const bytes = new TextEncoder().encode('hello');
    const zip = zipOf([{ name: 'a.png', bytes }, { name: 'a.png', bytes }]);
    const data = new DataView(await zip.arrayBuffer());
    expect(data.getUint32(0, true)).toBe(0x04034b50);
    expect(data.getUint32(14, true)).toBe(0x3610a686); // CRC-32 of "hello"
    const end = data.byteLength - 22;
    expect(data.getUint32(end, true)).toBe(0x06054b50);
    expect(data.getUint16(end + 10, true)).toBe(2);
    expect(new TextDecoder().decode(await zip.arrayBuffer())).toContain('a (2).png');
  });
});
