import type { Job } from '../../state/jobs/jobs';
import { saySeconds, secondsLeft, secondsPerStep, stageOf } from '../../state/jobs/timing';
import { Icon } from '../ui/Icon';

/** Step n of m, seconds per step, time left, and a way to stop. */
export function Progress({ job, onStop }: { job: Job; onStop: () => void }) {
  const { pace } = job;
  const each = secondsPerStep(pace);
  const left = secondsLeft(job);
  const share = pace && pace.max > 0 ? pace.value / pace.max : 0;
  const stage = stageOf(job);
  return (
    <div class="progress">
      <div class="progress-words">
        <p>
          <strong>{stage}</strong>
          {pace && pace.max > 1 && (
            <span class="step">
              step {pace.value} of {pace.max}
            </span>
          )}
        </p>
        <p class="pace">
          {each !== undefined && <span>{saySeconds(each)} per step</span>}
          {left !== undefined && left > 0 && <span>about {saySeconds(left)} left</span>}
        </p>
        <button type="button" class="stop" onClick={onStop}>
          <Icon name="stop" size={16} /> {job.state === 'waiting' ? 'Cancel' : 'Stop'}
        </button>
      </div>
      <div
        class={`bar${pace ? '' : ' unsure'}`}
        role="progressbar"
        aria-label={stage}
        aria-valuemin={0}
        aria-valuemax={pace?.max ?? 1}
        aria-valuenow={pace?.value}
      >
        <span style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}
