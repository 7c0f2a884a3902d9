import { useState } from 'preact/hooks';
import * as routes from '../../api/routes';
import { techniques } from '../../state/form/catalog';
import { referenceOf, techniqueTitle, titleOf } from '../../state/jobs/about';
import { setOf } from '../../state/form/variations';
import type { Job } from '../../state/jobs/jobs';
import { dispatch, jobs, noteOf, show, tell } from '../../state/jobs/session';
import { queueSecondsLeft, saySeconds } from '../../state/jobs/timing';
import { Icon } from '../ui/Icon';

const MOST_SHOWN = 40;

/** What tells a job from its neighbours: its place in a set, else its technique. */
function detailOf(job: Job): string {
  const set = setOf(noteOf(job));
  if (!set) return techniqueTitle(job, techniques.value);
  return set.axes.map((axis, i) => `${axis.label} ${axis.values[set.at[i] ?? 0] ?? ''}`).join(', ');
}

function fullTitle(job: Job): string {
  return `${titleOf(job, techniques.value)}, ${detailOf(job)}`;
}

function Title({ job }: { job: Job }) {
  const title = titleOf(job, techniques.value);
  const detail = detailOf(job);
  return (
    <>
      <span class="queue-words" dir="auto">{title}</span>
      {detail !== title && <span class="queue-detail">{detail}</span>}
    </>
  );
}

function Thumb({ job }: { job: Job }) {
  const name = referenceOf(job, techniques.value);
  return name ? <img class="queue-thumb" src={routes.viewAddress(routes.inputImage(name))} alt="" /> : <span class="queue-thumb" />;
}

/** Moves a waiting job to another place, here at once and on the server. */
function move(id: string, to: number): void {
  const { waiting } = jobs.value;
  const rest = waiting.filter((other) => other !== id);
  const place = Math.max(0, Math.min(rest.length, to));
  jobs.value = { ...jobs.value, waiting: [...rest.slice(0, place), id, ...rest.slice(place)] };
  void tell(routes.moveJob(id, rest[place] ?? null));
}

function cancel(id: string): void {
  dispatch({ kind: 'forgotten', ids: [id] });
  void tell(routes.cancelJobs([id]));
}

function Waiting({ job, index, last }: { job: Job; index: number; last: boolean }) {
  const [over, setOver] = useState(false);
  const title = fullTitle(job);
  return (
    <li
      class={`queue-item${over ? ' over' : ''}`}
      draggable
      onDragStart={(e) => e.dataTransfer?.setData('text/easel-job', job.id)}
      onDragOver={(e) => {
        if (!e.dataTransfer?.types.includes('text/easel-job')) return;
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        setOver(false);
        const id = e.dataTransfer?.getData('text/easel-job');
        if (!id || id === job.id) return;
        e.preventDefault();
        move(id, index);
      }}
    >
      <Thumb job={job} />
      <button type="button" class="queue-title" onClick={() => show(job.id)} title={title}>
        <Title job={job} />
      </button>
      <span class="queue-buttons">
        <button
          type="button"
          class="quiet square small"
          aria-label={`Run ${title} earlier`}
          disabled={index === 0}
          onClick={() => move(job.id, index - 1)}
        >
          <Icon name="up" size={15} />
        </button>
        <button
          type="button"
          class="quiet square small"
          aria-label={`Run ${title} later`}
          disabled={last}
          onClick={() => move(job.id, index + 1)}
        >
          <Icon name="down" size={15} />
        </button>
        <button type="button" class="quiet square small" aria-label={`Cancel ${title}`} onClick={() => cancel(job.id)}>
          <Icon name="close" size={15} />
        </button>
      </span>
    </li>
  );
}

/** What runs and what waits. */
export function QueuePanel() {
  const { byId, running, waiting, paused } = jobs.value;
  const shown = waiting.slice(0, MOST_SHOWN);
  const left = queueSecondsLeft(jobs.value);
  return (
    <section class="queue" aria-label="Queue">
      <header class="side-head">
        <h2>
          Queue <span class="count">{running.length + waiting.length}</span>
          {left !== undefined && !paused && <span class="queue-left">about {saySeconds(left)} left</span>}
        </h2>
        <button
          type="button"
          class="quiet small"
          aria-pressed={paused}
          onClick={() => void tell(routes.pauseQueue(!paused))}
        >
          <Icon name={paused ? 'play' : 'pause'} size={15} /> {paused ? 'Go on' : 'Pause'}
        </button>
        {waiting.length > 0 && (
          <button type="button" class="quiet small" onClick={() => void tell(routes.clearQueue())}>
            Clear
          </button>
        )}
      </header>
      <ol class="queue-list">
        {running.map((id) => {
          const job = byId[id];
          if (!job) return null;
          const share = job.pace ? (job.pace.value / job.pace.max) * 100 : 0;
          return (
            <li key={id} class="queue-item runs">
              <Thumb job={job} />
              <button type="button" class="queue-title" onClick={() => show(id)}>
                <Title job={job} />
                <span class="bar thin" aria-hidden="true">
                  <span style={{ width: `${share}%` }} />
                </span>
              </button>
              <button
                type="button"
                class="quiet square small"
                aria-label={`Stop ${fullTitle(job)}`}
                onClick={() => void tell(routes.interrupt(id))}
              >
                <Icon name="stop" size={15} />
              </button>
            </li>
          );
        })}
        {shown.map((id, i) => {
          const job = byId[id];
          return job && <Waiting key={id} job={job} index={i} last={i === waiting.length - 1} />;
        })}
      </ol>
      {waiting.length > shown.length && <p class="more">and {waiting.length - shown.length} more</p>}
    </section>
  );
}
