import * as routes from '../../api/routes';
import { techniques } from '../../state/form/catalog';
import { picturesOf, referenceOf, titleOf } from '../../state/jobs/about';
import type { Job } from '../../state/jobs/jobs';
import { focus, focusJob, focusSet, loaded, previews, show, tell } from '../../state/jobs/session';
import { comparing, detailsShown, heldPicture, sameImage } from '../../state/stage/looking';
import { openInGraph } from '../../state/view';
import { Icon } from '../ui/Icon';
import { Details } from './Details';
import { bringBack, JobActions } from './JobActions';
import { Picture } from './Picture';
import { Progress } from './Progress';
import { SetTable } from './SetTable';
import { Viewer } from './Viewer';

function Empty() {
  return (
    <div class="empty">
      <svg width="120" height="120" viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 2.5v4M8 15.5 5.5 21.5M16 15.5l2.5 6M12 15.5v4" />
        <rect x="4.5" y="6" width="15" height="9.5" rx="0.6" />
      </svg>
      <h2>An empty easel</h2>
      <p>Choose a picture on the left, say what you want to see, and run. The picture grows here while it is painted.</p>
    </div>
  );
}

function Failed({ job }: { job: Job }) {
  const node = job.failure && job.prompt[job.failure.node];
  const where = node?._meta?.title || job.failure?.nodeType;
  return (
    <div class="failed" role="alert">
      <h2>This one did not work out</h2>
      <p>
        {where && <strong>{where}: </strong>}
        {job.failure?.message ?? 'The server did not say why.'}
      </p>
      <div class="row">
        <button type="button" onClick={() => bringBack(job)}>
          <Icon name="undo" size={16} /> Bring its settings back
        </button>
        <button type="button" onClick={() => openInGraph({ prompt: job.prompt, job: job.id })}>
          <Icon name="graph" size={16} /> See it in the graph
        </button>
      </div>
    </div>
  );
}

function Working({ job }: { job: Job }) {
  const preview = previews.value[job.id];
  const reference = referenceOf(job, techniques.value);
  const referenceSource = reference && routes.viewAddress(routes.inputImage(reference));
  if (preview) return <Picture source={preview} alt="The picture as it is so far" />;
  if (referenceSource) return <Picture source={referenceSource} alt="The reference" faded />;
  return <div class="empty" />;
}

function Result({ job }: { job: Job }) {
  const pictures = picturesOf(job);
  const index = Math.min(focus.value?.picture ?? 0, pictures.length - 1);
  const image = pictures[index];
  if (!image) {
    const preview = previews.value[job.id];
    if (preview) return <Picture source={preview} alt="The picture" />;
    return <div class="empty"><p>{job.state === 'stopped' ? 'Stopped.' : 'This run made no picture.'}</p></div>;
  }
  const main = { source: routes.viewAddress(image), alt: titleOf(job, techniques.value), word: 'Result' };
  const held = heldPicture.value;
  const reference = referenceOf(job, techniques.value);
  const holds = held && !sameImage(held.image, image);
  let other;
  if (comparing.value && holds) {
    other = { source: routes.viewAddress(held.image), alt: `The picture held: ${held.title}`, word: 'Held' };
  } else if (comparing.value && reference) {
    other = { source: routes.viewAddress(routes.inputImage(reference)), alt: 'The reference', word: 'Reference' };
  }
  return <Viewer main={main} other={other} canCompare={!!holds || !!reference} />;
}

function Batch({ job }: { job: Job }) {
  const pictures = picturesOf(job);
  if (pictures.length < 2) return null;
  const now = Math.min(focus.value?.picture ?? 0, pictures.length - 1);
  return (
    <div class="batch" role="group" aria-label="Pictures of this run">
      {pictures.map((image, i) => (
        <button
          key={image.filename}
          type="button"
          aria-pressed={i === now}
          aria-label={`Picture ${i + 1} of ${pictures.length}`}
          onClick={() => show(job.id, i)}
        >
          <img src={routes.viewAddress(image)} alt="" loading="lazy" />
        </button>
      ))}
    </div>
  );
}

/** The middle: the picture that is painted, or the one that is looked at. */
export function Stage() {
  const job = focusJob.value;
  const working = job?.state === 'running' || job?.state === 'waiting';
  const pictures = job ? picturesOf(job) : [];
  return (
    <section class="stage" aria-label="Picture">
      <div class={`stage-place${job?.state === 'done' ? ' whole' : ''}`}>
        {!job ? loaded.value && <Empty /> : working ? <Working job={job} /> : job.state === 'failed' ? <Failed job={job} /> : <Result job={job} />}
        {job && !working && detailsShown.value && (
          <Details key={job.id} job={job} image={pictures[Math.min(focus.value?.picture ?? 0, pictures.length - 1)]} />
        )}
      </div>
      {job && focusSet.value.length > 1 && <SetTable jobs={focusSet.value} focused={job.id} />}
      {job && !working && <Batch job={job} />}
      {job && (
        <div class="stage-foot">{working ? <Progress job={job} onStop={() => void stop(job)} /> : <JobActions job={job} />}</div>
      )}
    </section>
  );
}

function stop(job: Job): Promise<void> {
  return tell(job.state === 'waiting' ? routes.cancelJobs([job.id]) : routes.interrupt(job.id));
}
