import { jobs } from '../../state/jobs/session';
import { type Column, column } from '../../state/view';
import { Compose } from '../form/Compose';
import { FleetTable } from '../side/FleetTable';
import { Gallery } from '../side/Gallery';
import { Icon, type IconName } from '../ui/Icon';
import { QueuePanel } from '../side/QueuePanel';
import { Stage } from '../stage/Stage';

const TABS: { column: Column; label: string; icon: IconName }[] = [
  { column: 'compose', label: 'Make', icon: 'brush' },
  { column: 'stage', label: 'Picture', icon: 'picture' },
  { column: 'side', label: 'Recent', icon: 'list' },
];

/** The three columns; on narrow screens one at a time, with tabs below. */
export function Columns() {
  const { waiting, running } = jobs.value;
  return (
    <main class="columns" data-column={column.value}>
      <Compose />
      <Stage />
      <aside class="side" aria-label="Queue and gallery">
        {(waiting.length > 0 || running.length > 0) && <QueuePanel />}
        <FleetTable />
        <Gallery />
      </aside>
      <nav class="tabs" aria-label="Parts of the page">
        {TABS.map((tab) => (
          <button
            key={tab.column}
            type="button"
            aria-pressed={column.value === tab.column}
            onClick={() => (column.value = tab.column)}
          >
            <Icon name={tab.icon} />
            {tab.label}
            {tab.column === 'stage' && running.length > 0 && <span class="dot busy" />}
          </button>
        ))}
      </nav>
    </main>
  );
}
