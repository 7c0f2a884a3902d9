import { viewAddress } from '../../api/routes';
import type { SetNote } from '../../api/types';
import { tableOf } from '../../state/form/variations';
import { picturesOf } from '../../state/jobs/about';
import type { Job } from '../../state/jobs/jobs';
import { previews, show } from '../../state/jobs/session';

function pace(job: Job): string {
  if (job.state === 'waiting') return 'waiting';
  if (job.state === 'failed') return 'failed';
  if (job.state === 'stopped') return 'stopped';
  return job.pace ? `${job.pace.value} of ${job.pace.max}` : '…';
}

function Cell({ job, name, focused }: { job: Job; name: string; focused: boolean }) {
  const image = picturesOf(job)[0];
  const source = image ? viewAddress(image) : previews.value[job.id];
  return (
    <button type="button" class="strip-cell" aria-pressed={focused} aria-label={`${name}, ${image ? 'done' : pace(job)}`} onClick={() => show(job.id)}>
      <span class="strip-picture">
        {source ? <img src={source} alt="" /> : <span class="strip-wait">{pace(job)}</span>}
        {job.state === 'running' && <span class="spinner" />}
      </span>
    </button>
  );
}

/** The pictures of a set: a row for one axis, a table for more, each under its value. */
export function SetTable({ jobs, focused }: { jobs: { job: Job; set: SetNote }[]; focused: string }) {
  const axes = jobs[0]?.set.axes ?? [];
  const { columns, rows } = tableOf(jobs);
  const [across = '', ...rest] = axes.map((axis) => axis.label);
  const down = rest.join(', ');
  return (
    <div class="strip" role="group" aria-label={`Set over ${axes.map((a) => a.label).join(' and ')}`}>
      <table class={rows.length > 1 ? 'many' : ''}>
        <caption>
          {across}
          {down && <span> across, {down} down</span>}
        </caption>
        {rows.length > 1 && (
          <thead>
            <tr>
              <td />
              {columns.map((value, i) => (
                <th key={i} scope="col">
                  {value}
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              {rows.length > 1 && <th scope="row">{row.name}</th>}
              {row.cells.map((job, i) => (
                <td key={i}>
                  {!job && <span class="strip-cell gone" title="Taken out"><span class="strip-picture"><span class="strip-wait">–</span></span></span>}
                  {job && <Cell job={job} focused={job.id === focused} name={`${across} ${columns[i]}${row.name ? `, ${down} ${row.name}` : ''}`} />}
                  {rows.length === 1 && <span class="strip-value">{columns[i]}</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
