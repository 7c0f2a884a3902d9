import { connection } from '../../api/socket';
import { jobs } from '../../state/jobs/session';
import { type Theme, theme } from '../../state/theme';
import { helpShown, setView, type View, view } from '../../state/view';
import { Icon, type IconName } from '../ui/Icon';

const NEXT: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };
const THEME_ICONS: Record<Theme, IconName> = { auto: 'auto', light: 'sun', dark: 'moon' };
const THEME_WORDS: Record<Theme, string> = { auto: 'as the system', light: 'light', dark: 'dark' };

const VIEWS: { view: View; label: string; icon: IconName }[] = [
  { view: 'paint', label: 'Paint', icon: 'brush' },
  { view: 'graph', label: 'Graph', icon: 'graph' },
  { view: 'gallery', label: 'Gallery', icon: 'grid' },
];

function state(): { words: string; tone: string } {
  if (connection.value === 'lost') return { words: 'Server away', tone: 'bad' };
  if (connection.value === 'connecting') return { words: 'Connecting', tone: 'idle' };
  const { running, waiting, paused } = jobs.value;
  const count = running.length + waiting.length;
  if (paused && count > 0) return { words: `Paused, ${count} in the queue`, tone: 'idle' };
  if (running.length > 0) return { words: count > 1 ? `Working, ${count - 1} waiting` : 'Working', tone: 'busy' };
  if (waiting.length > 0) return { words: `${waiting.length} waiting`, tone: 'busy' };
  return { words: 'Ready', tone: 'good' };
}

export function Header() {
  const { words, tone } = state();
  return (
    <header class="top">
      <h1 class="brand">
        <svg width="22" height="22" viewBox="0 0 24 24" aria-hidden="true">
          <path class="brand-legs" d="M12 2.5v4M8 15.5 5.5 21.5M16 15.5l2.5 6M12 15.5v4" />
          <rect class="brand-canvas" x="4.5" y="6" width="15" height="9.5" rx="1.2" />
          <path class="brand-hill" d="m5.5 14.5 4-4.5 3 3 2-2 4 3.5z" />
        </svg>
        Easel
      </h1>
      <div class="segments" role="group" aria-label="View">
        {VIEWS.map(({ view: own, label, icon }) => (
          <button key={own} type="button" aria-pressed={view.value === own} onClick={() => setView(own)}>
            <Icon name={icon} size={16} /> {label}
          </button>
        ))}
      </div>
      <p class={`state ${tone}`} role="status">
        <span class="dot" aria-hidden="true" />
        <span class="state-words">{words}</span>
      </p>
      <button type="button" class="quiet square" title="Shortcuts (?)" aria-label="Shortcuts" onClick={() => (helpShown.value = true)}>
        <Icon name="help" />
      </button>
      <button
        type="button"
        class="quiet square"
        title={`Colours: ${THEME_WORDS[theme.value]}`}
        aria-label={`Colours: ${THEME_WORDS[theme.value]}. Change.`}
        onClick={() => (theme.value = NEXT[theme.value])}
      >
        <Icon name={THEME_ICONS[theme.value]} />
      </button>
    </header>
  );
}
