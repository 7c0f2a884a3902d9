import { useEffect, useState } from 'preact/hooks';
import * as routes from '../../api/routes';
import type { FleetRunner, FleetState } from '../../api/types';
import { techniques } from '../../state/form/catalog';
import { titleOf } from '../../state/jobs/about';
import { jobs } from '../../state/jobs/session';

const ASK_EVERY_MS = 3000;

/** The fleet as it is, asked for again and again; nothing when the server computes by itself. */
function useFleet(): FleetState | undefined {
  const [fleet, setFleet] = useState<FleetState>();
  useEffect(() => {
    let timer = 0;
    let ended = false;
    const ask = async () => {
      let alone = false;
      try {
        if (!document.hidden) {
          const now = await routes.fleet();
          alone = !now.shared;
          if (!ended) setFleet(alone ? undefined : now);
        }
      } catch {
        // The server is away; the page says so elsewhere.
      }
      if (!ended && !alone) timer = window.setTimeout(() => void ask(), ASK_EVERY_MS);
    };
    void ask();
    return () => {
      ended = true;
      window.clearTimeout(timer);
    };
  }, []);
  return fleet;
}

/** What a runner does, in a few words: the title of its job where this page knows it. */
function doing(runner: FleetRunner): string {
  if (!runner.job) return runner.state;
  const job = jobs.value.byId[runner.job];
  return job ? titleOf(job, techniques.value) : runner.state;
}

/** The runners behind the server, below its queue; nothing where there is no fleet. */
export function FleetTable() {
  const fleet = useFleet();
  if (!fleet) return null;
  const hindered = Object.entries(fleet.waiting);
  return (
    <section class="fleet" aria-label="Runners">
      <header class="side-head">
        <h2>
          Runners <span class="count">{fleet.runners.length}</span>
        </h2>
      </header>
      {fleet.runners.length === 0 && <p class="more">No runner is connected.</p>}
      {fleet.runners.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Runner</th>
              <th scope="col">State</th>
              <th scope="col">Steps/s</th>
              <th scope="col">Models</th>
            </tr>
          </thead>
          <tbody>
            {fleet.runners.map((runner) => (
              <tr key={runner.name} class={runner.state} title={runner.device}>
                <th scope="row" title={runner.name}>
                  {runner.name}
                </th>
                <td dir="auto" title={doing(runner)}>
                  {doing(runner)}
                </td>
                <td>{runner.steps_per_second > 0 ? runner.steps_per_second.toPrecision(3) : ''}</td>
                <td title={runner.resident.map((file) => file.name).join(', ')}>
                  {runner.resident.length} of {runner.model_count}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {hindered.map(([id, why]) => (
        <p key={id} class="more" role="status">
          A job waits: {why}
        </p>
      ))}
    </section>
  );
}
