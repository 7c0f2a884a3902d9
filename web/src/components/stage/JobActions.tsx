import { formatJson } from '../../api/json';
import { viewAddress } from '../../api/routes';
import * as compose from '../../state/form/compose';
import type { Job } from '../../state/jobs/jobs';
import { focus, noteOf, picturesOf } from '../../state/jobs/session';
import { saySeconds } from '../../state/jobs/timing';
import { download, openInGraph } from '../../state/view';
import { Icon, type IconName } from '../ui/Icon';

interface ActionProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean;
}

function Action({ icon, label, onClick, pressed }: ActionProps) {
  return (
    <button type="button" class="quiet tool action" title={label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} /> <span>{label}</span>
    </button>
  );
}

/** What a finished job's workflow is called when it is saved. */
export function workflowName(job: Job): string {
  const picture = picturesOf(job)[0]?.filename.replace(/\.[^.]*$/, '');
  return `${picture ?? noteOf(job).technique ?? 'workflow'}.json`;
}

export function graphOf(job: Job): Record<string, unknown> | undefined {
  const graph = job.extra.extra_pnginfo?.workflow;
  return graph && typeof graph === 'object' ? (graph as Record<string, unknown>) : undefined;
}

/** What can be done with a finished job. */
export function JobActions(props: { job: Job; comparing: boolean; onCompare: () => void }) {
  const { job } = props;
  const pictures = picturesOf(job);
  const image = pictures[Math.min(focus.value?.picture ?? 0, pictures.length - 1)];
  const seconds = job.startedMs && job.endedMs ? (job.endedMs - job.startedMs) / 1000 : undefined;
  return (
    <div class="actions">
      <p class="told">
        {job.state === 'done' ? 'Done' : job.state === 'stopped' ? 'Stopped' : 'Failed'}
        {seconds !== undefined && job.state === 'done' && <> in {saySeconds(Math.max(seconds, 0.001))}</>}
      </p>
      <div class="row" role="toolbar" aria-label="This picture">
        {image && <Action icon="compare" label="Compare" pressed={props.comparing} onClick={props.onCompare} />}
        {image && <Action icon="picture" label="Start from it" onClick={() => compose.useAsReference(image)} />}
        <Action
          icon="undo"
          label="Settings"
          onClick={() => compose.restore({ prompt: job.prompt, note: noteOf(job) })}
        />
        <Action icon="graph" label="Graph" onClick={() => openInGraph({ prompt: job.prompt, graph: graphOf(job) })} />
        <Action
          icon="file"
          label="Workflow"
          onClick={() => download(workflowName(job), formatJson(job.prompt, 2))}
        />
        {image && (
          <a class="button quiet tool action" href={viewAddress(image)} download={image.filename} title="Download">
            <Icon name="download" /> <span>Download</span>
          </a>
        )}
      </div>
    </div>
  );
}
