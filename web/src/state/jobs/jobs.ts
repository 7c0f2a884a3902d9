// What is known of the server's jobs, and how events and answers change it. Pure functions.
import type { ExtraData, History, HistoryEntry, NodeOutputs, Prompt, QueueItem, QueueState } from '../../api/types';
import { sayFailure } from '../form/errors';

export type JobState = 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

/** Progress of the node that runs now, and since when it is measured. */
export interface Pace {
  node: string;
  value: number;
  max: number;
  firstValue: number;
  firstMs: number;
  lastMs: number;
}
export interface Failure {
  node: string;
  /** The node's input that is to blame; empty when no single one is. */
  input: string;
  nodeType: string;
  message: string;
}
export interface Job {
  id: string;
  number: number;
  prompt: Prompt;
  extra: ExtraData;
  state: JobState;
  outputs: NodeOutputs;
  node?: string;
  doneNodes: string[];
  pace?: Pace;
  /** When this page sent it. */
  addedMs?: number;
  startedMs?: number;
  endedMs?: number;
  failure?: Failure;
}
export interface Jobs {
  byId: Record<string, Job>;
  /** In the order in which they will run. */
  waiting: string[];
  running: string[];
  /** Oldest first. */
  finished: string[];
  paused: boolean;
}
export type Action =
  | { kind: 'added'; item: QueueItem; now: number }
  | { kind: 'queue'; queue: QueueState; askedMs: number }
  | { kind: 'history'; history: History }
  | { kind: 'forgotten'; ids: string[] }
  | { kind: 'event'; type: string; data: Record<string, unknown>; now: number };

export const noJobs: Jobs = { byId: {}, waiting: [], running: [], finished: [], paused: false };

export function isOver(job: Job): boolean {
  return job.state === 'done' || job.state === 'failed' || job.state === 'stopped';
}

function jobOf(item: QueueItem, state: JobState): Job {
  const [number, id, prompt, extra] = item;
  return { id, number, prompt, extra: extra ?? {}, state, outputs: {}, doneNodes: [] };
}

function finishedJob(id: string, entry: HistoryEntry): Job {
  const job = jobOf(entry.prompt, entry.status.completed ? 'done' : 'failed');
  job.id = id;
  job.outputs = entry.outputs;
  for (const [event, data] of entry.status.messages) {
    const time = typeof data['timestamp'] === 'number' ? data['timestamp'] : undefined;
    if (event === 'execution_start') job.startedMs = time;
    else if (event !== 'execution_cached') job.endedMs = time;
    if (event === 'execution_interrupted') job.state = 'stopped';
    if (event === 'execution_error') job.failure = failureOf(data);
  }
  return job;
}

function failureOf(data: Record<string, unknown>): Failure {
  return {
    node: String(data['node_id'] ?? ''),
    input: String(data['input_name'] ?? ''),
    nodeType: String(data['node_type'] ?? ''),
    message: sayFailure(data),
  };
}

function without(list: string[], id: string): string[] {
  return list.includes(id) ? list.filter((other) => other !== id) : list;
}

/** Applies an action. Returns the same object when nothing changed. */
export function reduce(jobs: Jobs, action: Action): Jobs {
  switch (action.kind) {
    case 'added':
      return add(jobs, action.item, action.now);
    case 'queue':
      return takeQueue(jobs, action.queue, action.askedMs);
    case 'history':
      return takeHistory(jobs, action.history);
    case 'forgotten': {
      const byId = { ...jobs.byId };
      for (const id of action.ids) delete byId[id];
      const stays = (id: string) => id in byId;
      return {
        ...jobs,
        byId,
        waiting: jobs.waiting.filter(stays),
        running: jobs.running.filter(stays),
        finished: jobs.finished.filter(stays),
      };
    }
    case 'event':
      return takeEvent(jobs, action.type, action.data, action.now);
  }
}

function add(jobs: Jobs, item: QueueItem, addedMs: number): Jobs {
  if (jobs.byId[item[1]]) return jobs;
  return {
    ...jobs,
    byId: { ...jobs.byId, [item[1]]: { ...jobOf(item, 'waiting'), addedMs } },
    waiting: [...jobs.waiting, item[1]],
  };
}

function takeQueue(jobs: Jobs, queue: QueueState, askedMs: number): Jobs {
  const byId = { ...jobs.byId };
  // What happened while the answer was on its way is newer than what it says.
  const addedSince = jobs.waiting.filter((id) => (byId[id]?.addedMs ?? 0) >= askedMs);
  const begunSince = jobs.running.filter((id) => (byId[id]?.startedMs ?? 0) >= askedMs);
  const take = (items: QueueItem[], state: JobState) =>
    items.flatMap((item) => {
      const old = byId[item[1]];
      if (old && (isOver(old) || begunSince.includes(old.id))) return [];
      if (!old || old.state !== state) byId[item[1]] = { ...(old ?? jobOf(item, state)), state };
      return [item[1]];
    });
  const running = [...begunSince, ...take(queue.queue_running, 'running')];
  const known = new Set([...take(queue.queue_pending, 'waiting'), ...addedSince]);
  const waiting = [...known].filter((id) => !running.includes(id));
  return { ...jobs, byId, running, waiting, paused: queue.paused ?? false };
}

function takeHistory(jobs: Jobs, history: History): Jobs {
  const byId = { ...jobs.byId };
  for (const [id, entry] of Object.entries(history)) {
    const known = byId[id];
    byId[id] = { ...finishedJob(id, entry), doneNodes: known?.doneNodes ?? [] };
  }
  const finished = Object.values(byId)
    .filter(isOver)
    .sort((a, b) => (a.endedMs ?? 0) - (b.endedMs ?? 0))
    .map((job) => job.id);
  const over = (id: string) => !finished.includes(id);
  return { ...jobs, byId, finished, running: jobs.running.filter(over), waiting: jobs.waiting.filter(over) };
}

function takeEvent(jobs: Jobs, type: string, data: Record<string, unknown>, now: number): Jobs {
  const id = typeof data['prompt_id'] === 'string' ? data['prompt_id'] : '';
  const job = jobs.byId[id];
  if (!job) return jobs;
  // Its start was missed.
  if (job.state === 'waiting' && (type === 'executing' || type === 'progress') && data['node'] != null) {
    return takeEvent(takeEvent(jobs, 'execution_start', data, now), type, data, now);
  }
  const put = (changes: Partial<Job>): Jobs => ({ ...jobs, byId: { ...jobs.byId, [id]: { ...job, ...changes } } });
  const end = (state: JobState, changes: Partial<Job> = {}): Jobs => ({
    ...put({ ...changes, state, endedMs: now, node: undefined, pace: undefined }),
    running: without(jobs.running, id),
    waiting: without(jobs.waiting, id),
    finished: [...without(jobs.finished, id), id],
  });
  switch (type) {
    case 'execution_start':
      return {
        ...put({ state: 'running', startedMs: now, outputs: {}, doneNodes: [], pace: undefined }),
        waiting: without(jobs.waiting, id),
        running: [...without(jobs.running, id), id],
      };
    case 'execution_cached':
      return put({ doneNodes: Array.isArray(data['nodes']) ? data['nodes'].map(String) : [] });
    case 'executing': {
      if (isOver(job) || data['node'] == null) return jobs;
      const before = job.node && !job.doneNodes.includes(job.node) ? [job.node] : [];
      return put({ node: String(data['node']), doneNodes: [...job.doneNodes, ...before], pace: undefined });
    }
    case 'progress':
      return isOver(job) ? jobs : put({ pace: paceAfter(job.pace, data, now), node: String(data['node']) });
    case 'executed':
      return put({
        outputs: { ...job.outputs, [String(data['node'])]: (data['output'] ?? {}) as NodeOutputs[string] },
      });
    case 'execution_success':
      return end('done');
    case 'execution_interrupted':
      return end('stopped');
    case 'execution_error':
      return end('failed', { failure: failureOf(data) });
    default:
      return jobs;
  }
}

function paceAfter(old: Pace | undefined, data: Record<string, unknown>, now: number): Pace {
  const node = String(data['node']);
  const value = Number(data['value']);
  const max = Number(data['max']);
  if (!old || old.node !== node || value < old.value) {
    return { node, value, max, firstValue: value, firstMs: now, lastMs: now };
  }
  return { ...old, value, max, lastMs: now };
}
