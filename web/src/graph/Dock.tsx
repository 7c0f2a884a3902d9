import * as routes from '../api/routes';
import { Progress } from '../components/stage/Progress';
import { describe } from '../components/stage/Stage';
import { focusJob, picturesOf, previews, tell } from '../state/jobs/session';
import { setView } from '../state/view';

/** The job at hand, small, beside the graph. */
export function Dock() {
  const job = focusJob.value;
  if (!job) return null;
  const working = job.state === 'running' || job.state === 'waiting';
  const image = picturesOf(job)[0];
  const source = image ? routes.viewAddress(image) : previews.value[job.id];
  if (!working && !source) return null;
  const stop = () => tell(job.state === 'waiting' ? routes.cancelJobs([job.id]) : routes.interrupt(job.id));
  return (
    <aside class="dock" aria-label="Picture">
      {source && (
        <button type="button" class="dock-face" onClick={() => setView('paint')} aria-label="Show it large">
          <img src={source} alt={describe(job)} />
        </button>
      )}
      {working && <Progress job={job} onStop={() => void stop()} />}
    </aside>
  );
}
