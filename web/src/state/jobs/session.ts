// The page's picture of the server: jobs, previews, and which of them is looked at.
import { computed, effect, signal } from '@preact/signals';
import type { PreviewFrame } from '../../api/frames';
import * as routes from '../../api/routes';
import { connect, type Listener, type Message, reconnectNow } from '../../api/socket';
import type { QueueItem, SetNote } from '../../api/types';
import { setOf } from '../form/variations';
import { browserStore } from '../kept';
import { noteOf, picturesOf } from './about';
import { type Action, isOver, type Job, type Jobs, noJobs, reduce } from './jobs';
import { say } from '../notices';

export { noteOf, picturesOf };

const MINE_KEY = 'easel.mine';
const MINE_KEPT = 200;
const PAGE_OF_HISTORY = 60;
const ALL_OF_HISTORY = 100000;
const QUEUE_REFRESH_MS = 12000;
// A long queue is a long answer: it is asked for less often, this much for each job in it.
const PER_JOB_MS = 2;
const LONGEST_DELAY_MS = 5000;

export const jobs = signal<Jobs>(noJobs);
export const previews = signal<Record<string, string>>({});
/** The job on the stage, and which of its pictures. */
export const focus = signal<{ id: string; picture: number } | undefined>(undefined);
export const moreHistory = signal(false);
export const loaded = signal(false);

let historyWanted = PAGE_OF_HISTORY;
// Whether the stage goes on to the next of one's own jobs by itself.
let following = true;

export function dispatch(action: Action): void {
  jobs.value = reduce(jobs.value, action);
}

export const focusJob = computed<Job | undefined>(() => {
  const { byId, running, finished } = jobs.value;
  const chosen = focus.value && byId[focus.value.id];
  if (chosen) return chosen;
  const id = running[0] ?? finished.findLast((other) => byId[other]?.state === 'done');
  return id ? byId[id] : undefined;
});

/** The jobs of the set that the job on the stage belongs to. */
export const focusSet = computed<{ job: Job; set: SetNote }[]>(() => {
  const set = focusJob.value && setOf(noteOf(focusJob.value));
  if (!set) return [];
  return Object.values(jobs.value.byId).flatMap((job) => {
    const own = setOf(noteOf(job));
    return own?.id === set.id ? [{ job, set: own }] : [];
  });
});

// The tab's title tells how far the run is.
effect(() => {
  const { byId, running } = jobs.value;
  const pace = running[0] ? byId[running[0]]?.pace : undefined;
  document.title = pace && pace.max > 1 ? `${Math.round((pace.value / pace.max) * 100)} % · Easel` : 'Easel';
});

function myJobs(): string[] {
  try {
    const list: unknown = JSON.parse(browserStore.getItem(MINE_KEY) ?? '[]');
    return Array.isArray(list) ? list.map(String) : [];
  } catch {
    return [];
  }
}

/** A job this page has queued. */
export function addMine(item: QueueItem): void {
  browserStore.setItem(MINE_KEY, JSON.stringify([...myJobs(), item[1]].slice(-MINE_KEPT)));
  dispatch({ kind: 'added', item, now: Date.now() });
}

/** Puts a job on the stage because it was just queued: the stage then goes on with what runs. */
export function follow(id: string): void {
  following = true;
  focus.value = { id, picture: 0 };
}

/** Puts a job on the stage because somebody wants to see it. */
export function show(id: string, picture = 0): void {
  following = false;
  focus.value = { id, picture };
}

let queueRefreshedMs = 0;
let refreshing: Promise<void> | undefined;
let refreshAgain = false;

/** Asks for the queue; done when an answer from after the call has been taken in. */
export function refreshQueue(): Promise<void> {
  refreshAgain = true;
  refreshing ??= refreshUntilDone().finally(() => (refreshing = undefined));
  return refreshing;
}

async function refreshUntilDone(): Promise<void> {
  try {
    while (refreshAgain) {
      refreshAgain = false;
      const before = jobs.value;
      const askedMs = Date.now();
      const queue = await routes.queue();
      queueRefreshedMs = Date.now();
      dispatch({ kind: 'queue', queue, askedMs });
      await findVanished([...before.waiting, ...before.running], queue.queue_pending.concat(queue.queue_running));
    }
  } catch {
    // The banner says that the server is away; everything is asked for again when it is back.
    refreshAgain = false;
  }
}

/** Jobs that left the queue unseen have ended, or were cancelled. */
async function findVanished(known: string[], items: QueueItem[]): Promise<void> {
  const present = new Set(items.map((item) => item[1]));
  const gone = known.filter((id) => !present.has(id) && jobs.value.byId[id] && !isOver(jobs.value.byId[id]));
  if (gone.length > 20) return refreshHistory();
  for (const id of gone) await fetchEnd(id, true);
}

async function fetchEnd(id: string, orForget = false): Promise<void> {
  const history = await routes.historyOf(id);
  if (history[id]) dispatch({ kind: 'history', history });
  else if (orForget) dispatch({ kind: 'forgotten', ids: [id] });
}

export async function refreshHistory(): Promise<void> {
  const history = await routes.newestHistory(historyWanted);
  moreHistory.value = Object.keys(history).length >= historyWanted;
  dispatch({ kind: 'history', history });
}

export function loadMoreHistory(): void {
  historyWanted += PAGE_OF_HISTORY * 2;
  void refreshHistory();
}

/** What is searched for is searched for in all there is. */
export function loadAllHistory(): void {
  if (!moreHistory.value) return;
  historyWanted = ALL_OF_HISTORY;
  void refreshHistory().catch(() => undefined);
}

function setPreview(id: string, url: string | undefined): void {
  const { [id]: old, ...rest } = previews.value;
  previews.value = url ? { ...rest, [id]: url } : rest;
  if (old) setTimeout(() => URL.revokeObjectURL(old), 2000);
}

const TERMINAL = ['execution_success', 'execution_error', 'execution_interrupted'];

function takeMessage(message: Message): void {
  const { type, data } = message;
  const id = typeof data['prompt_id'] === 'string' ? data['prompt_id'] : '';
  if (type === 'status') return takeStatus(data);
  if (type === 'execution_start' && !jobs.value.byId[id]) void refreshQueue();
  dispatch({ kind: 'event', type, data, now: Date.now() });
  if (type === 'execution_start' && following && myJobs().includes(id)) focus.value = { id, picture: 0 };
  if (!TERMINAL.includes(type)) return;
  // The last preview stays until the result has been fetched.
  setTimeout(() => setPreview(id, undefined), 3000);
  fetchEnd(id).catch(() => undefined);
}

let delayed: ReturnType<typeof setTimeout> | undefined;

function takeStatus(data: Record<string, unknown>): void {
  const status = data['status'] as { exec_info?: { queue_remaining?: number } } | undefined;
  const remaining = status?.exec_info?.queue_remaining ?? 0;
  const { waiting, running } = jobs.value;
  const changed = remaining !== waiting.length + running.length;
  const delay = Math.min(LONGEST_DELAY_MS, waiting.length * PER_JOB_MS);
  const stale = remaining > 0 && Date.now() - queueRefreshedMs > QUEUE_REFRESH_MS + delay * 20;
  if ((!changed && !stale) || delayed) return;
  delayed = setTimeout(() => {
    delayed = undefined;
    void refreshQueue();
  }, delay);
}

function takePreview(frame: PreviewFrame): void {
  const id = frame.promptId ?? jobs.value.running[0];
  const job = id ? jobs.value.byId[id] : undefined;
  if (id && job && !isOver(job)) setPreview(id, URL.createObjectURL(frame.picture));
}

async function refreshAll(): Promise<void> {
  try {
    await refreshHistory();
    await refreshQueue();
    if (!loaded.value) {
      // What this page had running before a reload comes back to the stage.
      const mine = new Set(myJobs());
      const { running, waiting, finished } = jobs.value;
      const id =
        running.find((r) => mine.has(r)) ?? waiting.find((w) => mine.has(w)) ?? finished.findLast((f) => mine.has(f));
      if (id && !focus.value) focus.value = { id, picture: 0 };
    }
    loaded.value = true;
  } catch (error) {
    if (error instanceof Error && !(error instanceof TypeError)) say(error.message, 'bad');
  }
}

const listener: Listener = {
  opened: () => void refreshAll(),
  message: takeMessage,
  preview: takePreview,
};

export function start(): void {
  connect(listener);
}

/** Connects anew, at once. */
export function reconnect(): void {
  reconnectNow(listener);
}

/** Calls the server; says in a notice when that fails, and brings the queue up to date. */
export async function tell(action: Promise<unknown>): Promise<void> {
  try {
    await action;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), 'bad');
  }
  await refreshQueue();
}

