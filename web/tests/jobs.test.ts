import { describe, expect, it } from 'vitest';
import type { QueueItem } from '../src/api/types';
import { type Action, type Jobs, noJobs, reduce } from '../src/state/jobs/jobs';
import { saySeconds, secondsLeft, secondsPerStep, stageOf } from '../src/state/jobs/timing';
import { prompt, queueItem } from './samples';

function event(type: string, data: Record<string, unknown> = {}, now = 1000): Action {
  return { kind: 'event', type, data: { prompt_id: 'a', ...data }, now };
}
const progress = (value: number, now: number) => event('progress', { node: '8', value, max: 20 }, now);
const queue = (running: string[], waiting: string[], askedMs = 0): Action => ({
  kind: 'queue',
  askedMs,
  queue: { queue_running: running.map((id) => queueItem(id)), queue_pending: waiting.map((id) => queueItem(id)) },
});
const apply = (start: Jobs, ...actions: Action[]) => actions.reduce(reduce, start);
const add = (item: QueueItem, now = -1): Action => ({ kind: 'added', item, now });
const added = apply(noJobs, add(queueItem('a')), add(queueItem('b', 1)));

describe('jobs', () => {
  it('go from waiting over running to done', () => {
    const begun = apply(added, event('execution_start'), event('executing', { node: '1' }), event('executing', { node: '8' }));
    expect(begun.running).toEqual(['a']);
    expect(begun.waiting).toEqual(['b']);
    expect(begun.byId['a']).toMatchObject({ state: 'running', node: '8', doneNodes: ['1'] });
    const images = [{ filename: 'x.png', subfolder: '', type: 'output' }];
    const done = apply(begun, event('executed', { node: '10', output: { images } }), event('execution_success'));
    expect(done.byId['a']).toMatchObject({ state: 'done', outputs: { '10': { images } } });
    expect([done.running, done.finished]).toEqual([[], ['a']]);
    expect(apply(done, event('executing', { node: null }))).toBe(done);
  });

  it('keep why they failed', () => {
    const failed = apply(
      added,
      event('execution_start'),
      event('execution_error', { node_id: '8', node_type: 'KSampler', exception_message: 'node 8 (KSampler): no luck', reason: 'no luck' }),
    );
    expect(failed.byId['a']).toMatchObject({ state: 'failed', failure: { node: '8', message: 'No luck.' } });
    expect(apply(added, event('execution_interrupted')).byId['a']?.state).toBe('stopped');
  });

  it('run although their start was missed', () => {
    expect(apply(added, progress(3, 5)).byId['a']).toMatchObject({ state: 'running', pace: { value: 3 } });
  });

  it('ignore events of jobs nobody knows', () => {
    expect(reduce(noJobs, event('execution_start'))).toBe(noJobs);
  });

  it('take the order of the queue, but not what an old answer says of newer events', () => {
    expect(apply(added, queue([], ['b', 'a'])).waiting).toEqual(['b', 'a']);
    const begun = apply(added, event('execution_start', {}, 500));
    expect(apply(begun, queue([], ['a', 'b'], 400)).byId['a']?.state).toBe('running');
    expect(apply(begun, queue([], ['a', 'b'], 600)).byId['a']?.state).toBe('waiting');
    const done = apply(begun, event('execution_success'));
    expect(apply(done, queue(['a'], ['b'], 400))).toMatchObject({ running: [], waiting: ['b'] });
    const later = apply(added, add(queueItem('c', 2), 500));
    expect(apply(later, queue([], ['a', 'b'], 400)).waiting).toEqual(['a', 'b', 'c']);
    expect(apply(later, queue(['c'], ['a', 'b', 'c'], 400))).toMatchObject({ running: ['c'], waiting: ['a', 'b'] });
    expect(apply(later, queue([], ['a', 'b'], 600)).waiting).toEqual(['a', 'b']);
  });

  it('come back from the history, oldest first', () => {
    const entry = (id: string, last: string, timestamp: number) => ({
      prompt: queueItem(id),
      outputs: {},
      status: {
        status_str: last === 'execution_success' ? 'success' : 'error',
        completed: last === 'execution_success',
        messages: [
          ['execution_start', { timestamp: timestamp - 10 }],
          [last, { timestamp, exception_message: 'why' }],
        ] as [string, Record<string, unknown>][],
      },
    });
    const state = apply(added, {
      kind: 'history',
      history: { c: entry('c', 'execution_error', 200), a: entry('a', 'execution_success', 100) },
    });
    expect(state.finished).toEqual(['a', 'c']);
    expect(state.waiting).toEqual(['b']);
    expect(state.byId['c']?.failure?.message).toBe('Why.');
    expect(apply(state, { kind: 'forgotten', ids: ['a'] }).finished).toEqual(['c']);
  });
});

describe('times', () => {
  it('are measured from the first step that was seen', () => {
    const first = apply(added, event('execution_start'), progress(1, 1000));
    expect(secondsPerStep(first.byId['a']?.pace)).toBeUndefined();
    const job = apply(first, progress(5, 3000)).byId['a']!;
    expect(secondsPerStep(job.pace)).toBe(0.5);
    expect(secondsLeft(job)).toBe(7.5);
    expect(stageOf({ ...job, node: '8' })).toBe('Painting');
  });

  it('count the samplers still to come', () => {
    const two = { ...prompt, '16': { class_type: 'KSampler', inputs: { steps: 10 } } };
    const jobs = apply(noJobs, add([0, 'a', two, {}, []]), progress(10, 0), progress(15, 5000));
    expect(secondsLeft(jobs.byId['a']!)).toBe(15);
    expect(secondsLeft({ ...jobs.byId['a']!, doneNodes: ['16'] })).toBe(5);
  });

  it('are said in plain words', () => {
    expect([0.04, 1.25, 12.4, 59.7, 150, 3600 * 2 + 60].map(saySeconds)).toEqual([
      '40 ms',
      '1.3 s',
      '12 s',
      '1 min',
      '2 min 30 s',
      '2 h 1 min',
    ]);
  });
});
