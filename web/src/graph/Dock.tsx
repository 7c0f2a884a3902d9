import { useState } from 'preact/hooks';
import * as routes from '../api/routes';
import { Icon } from '../components/ui/Icon';
import { Progress } from '../components/stage/Progress';
import { techniques } from '../state/form/catalog';
import { titleOf } from '../state/jobs/about';
import { focusJob, picturesOf, previews, tell } from '../state/jobs/session';
import { setView } from '../state/view';

/** The job at hand, small, beside the graph. */
export function Dock({ jobs }: { jobs: string[] }) {
  const job = focusJob.value;
  const [closed, setClosed] = useState('');
  // It shows jobs of this workflow only, and comes again with the next one.
  if (!job || !jobs.includes(job.id) || closed === job.id) return null;
  const working = job.state === 'running' || job.state === 'waiting';
  const image = picturesOf(job)[0];
  const source = image ? routes.viewAddress(image) : previews.value[job.id];
  if (!working && !source) return null;
  const stop = () => tell(job.state === 'waiting' ? routes.cancelJobs([job.id]) : routes.interrupt(job.id));
  return (
    <aside class="dock" aria-label="Picture">
      <button type="button" class="square small dock-close" title="Close" aria-label="Close the picture" onClick={() => setClosed(job.id)}>
        <Icon name="close" size={14} />
      </button>
      {source && (
        <button type="button" class="dock-face" onClick={() => setView('paint')} aria-label="Show it large">
          <img src={source} alt={titleOf(job, techniques.value)} />
        </button>
      )}
      {working && <Progress job={job} onStop={() => void stop()} />}
    </aside>
  );
}
