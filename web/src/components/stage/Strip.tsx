import { viewAddress } from '../../api/routes';
import type { Job } from '../../state/jobs/jobs';
import { noteOf, picturesOf, previews, show } from '../../state/jobs/session';

function pace(job: Job): string {
  if (job.state === 'waiting') return 'waiting';
  if (job.state === 'failed') return 'failed';
  if (job.state === 'stopped') return 'stopped';
  return job.pace ? `${job.pace.value} of ${job.pace.max}` : '…';
}

/** The pictures of a strip, each under its value. */
export function Strip({ jobs, focused }: { jobs: Job[]; focused: string }) {
  const label = jobs[0] && noteOf(jobs[0]).strip?.label;
  return (
    <div class="strip" role="group" aria-label={`Strip over ${label}`}>
      <p class="strip-name">{label}</p>
      <div class="strip-row">
        {jobs.map((job) => {
          const image = picturesOf(job)[0];
          const source = image ? viewAddress(image) : previews.value[job.id];
          const value = String(noteOf(job).strip?.value);
          return (
            <button
              key={job.id}
              type="button"
              class="strip-cell"
              aria-pressed={job.id === focused}
              aria-label={`${label} ${value}, ${image ? 'done' : pace(job)}`}
              onClick={() => show(job.id)}
            >
              <span class="strip-picture">
                {source ? <img src={source} alt="" /> : <span class="strip-wait">{pace(job)}</span>}
                {job.state === 'running' && <span class="spinner" />}
              </span>
              <span class="strip-value">{value}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}
