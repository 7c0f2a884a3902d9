// Speed and time left of a running job, and how times are said. Pure functions.
import { isLink } from '../form/draft';
import type { Job, Jobs, Pace } from './jobs';

/** Seconds one step takes, once two steps have been seen. */
export function secondsPerStep(pace: Pace | undefined): number | undefined {
  if (!pace || pace.value <= pace.firstValue) return undefined;
  return (pace.lastMs - pace.firstMs) / 1000 / (pace.value - pace.firstValue);
}

/** Seconds until the steps of the job are done, samplers still to come included. */
export function secondsLeft(job: Job): number | undefined {
  const pace = job.pace;
  const each = secondsPerStep(pace);
  if (!pace || each === undefined) return undefined;
  let steps = pace.max - pace.value;
  for (const [id, node] of Object.entries(job.prompt)) {
    const count = node.inputs['steps'];
    if (id === pace.node || job.doneNodes.includes(id) || typeof count !== 'number') continue;
    if (node.class_type.includes('Sampler')) steps += count;
  }
  return steps * each;
}

/** How much a job computes, in steps times megapixels: jobs that differ in size can be compared by it. */
export function workOf(job: Job): number {
  let steps = 0;
  let pixels = 0;
  let pictures = 1;
  for (const { class_type, inputs } of Object.values(job.prompt)) {
    const number = (name: string) => (typeof inputs[name] === 'number' && !isLink(inputs[name]) ? Number(inputs[name]) : undefined);
    if (class_type.includes('Sampler') || class_type.includes('Scheduler')) steps += number('steps') ?? 0;
    const [width, height] = [number('width'), number('height')];
    if (width && height) pixels = Math.max(pixels, width * height);
    pictures = Math.max(pictures, number('batch_size') ?? 1);
  }
  return Math.max(1, steps) * ((pixels || 512 * 512) / 1e6) * pictures;
}

const REMEMBERED = 8;

/** Seconds until the queue is empty, by how long the newest finished jobs took; nothing before the first has ended. */
export function queueSecondsLeft(jobs: Jobs): number | undefined {
  const { byId, running, waiting, finished } = jobs;
  if (running.length + waiting.length < 2) return undefined;
  const done = finished.slice(-REMEMBERED).flatMap((id) => {
    const job = byId[id];
    return job?.state === 'done' && job.startedMs && job.endedMs ? [job] : [];
  });
  const work = done.reduce((sum, job) => sum + workOf(job), 0);
  const seconds = done.reduce((sum, job) => sum + (job.endedMs! - job.startedMs!) / 1000, 0);
  const pace = work > 0 ? seconds / work : undefined;
  let left = 0;
  for (const id of running) {
    const job = byId[id];
    const own = job && (secondsLeft(job) ?? (pace === undefined ? undefined : pace * workOf(job)));
    if (own === undefined) return undefined;
    left += own;
  }
  for (const id of waiting) {
    const job = byId[id];
    if (!job) continue;
    if (pace === undefined) return undefined;
    left += pace * workOf(job);
  }
  return left;
}

export function saySeconds(seconds: number): string {
  if (seconds < 0.1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor((seconds + 0.5) / 60);
  const rest = Math.round(seconds - minutes * 60);
  if (minutes < 60) return rest > 0 ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const STAGES: [RegExp, string][] = [
  [/^KSampler|Sampler/, 'Painting'],
  [/^(unCLIP)?Checkpoint.*Loader|Loader/, 'Reading the model'],
  [/^LoadImage/, 'Opening the picture'],
  [/CLIPVisionEncode|IPAdapter/, 'Looking at the picture'],
  [/CLIPTextEncode/, 'Reading your words'],
  [/VAEEncode/, 'Preparing the picture'],
  [/VAEDecode/, 'Developing the picture'],
  [/^(Save|Preview)Image/, 'Saving'],
];

/** What the job does just now, for people. */
export function stageOf(job: Job): string {
  if (job.state === 'waiting') return 'Waiting in the queue';
  const type = (job.node && job.prompt[job.node]?.class_type) || '';
  return STAGES.find(([pattern]) => pattern.test(type))?.[1] ?? 'Working';
}
