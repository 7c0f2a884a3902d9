import { scaleOf, type Size, zoomed } from '../../state/stage/lens';
import { comparing, lens, type Way, way, WAYS } from '../../state/stage/looking';
import { Icon, type IconName } from '../ui/Icon';

const ICONS: Record<Way, IconName> = { slider: 'compare', beside: 'beside', flicker: 'flicker' };
const STEP = 1.5;

/** Brings the stage to the whole screen, and back. */
export function toggleFullscreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.querySelector('.stage')?.requestFullscreen();
}

function Tool({ icon, label, pressed, onClick }: { icon: IconName; label: string; pressed?: boolean; onClick: () => void }) {
  return (
    <button type="button" class="quiet square small" title={label} aria-label={label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} size={16} />
    </button>
  );
}

/** How large the picture is seen, and how two are compared. */
export function PixelTools({ picture, place, canCompare }: { picture: Size; place: Size; canCompare: boolean }) {
  const scale = scaleOf(lens.value, picture, place);
  const middle = { x: place.width / 2, y: place.height / 2 };
  const zoom = (to: number) => (lens.value = zoomed(lens.value, picture, place, to, middle));
  return (
    <div class="pixel-tools" role="toolbar" aria-label="View of the picture">
      {canCompare && (
        <button type="button" class="quiet small" title="Compare (C)" aria-pressed={comparing.value} onClick={() => (comparing.value = !comparing.value)}>
          Compare
        </button>
      )}
      {canCompare &&
        comparing.value &&
        WAYS.map((w) => (
          <Tool key={w.way} icon={ICONS[w.way]} label={`Compare: ${w.label.toLowerCase()}`} pressed={way.value === w.way} onClick={() => (way.value = w.way)} />
        ))}
      {canCompare && <span class="tool-gap" />}
      <Tool icon="minus" label="Smaller" onClick={() => zoom(scale / STEP)} />
      <button
        type="button"
        class="quiet small zoom-share"
        title="One picture pixel on one of the screen"
        aria-label={`${Math.round(scale * 100)} %. Show at 100 %`}
        onClick={() => zoom(1 / (window.devicePixelRatio || 1))}
      >
        {Math.round(scale * 100)} %
      </button>
      <Tool icon="plus" label="Larger" onClick={() => zoom(scale * STEP)} />
      <Tool icon="fit" label="All of it" pressed={lens.value === 'fit'} onClick={() => (lens.value = 'fit')} />
      <Tool icon="full" label="Whole screen" onClick={toggleFullscreen} />
    </div>
  );
}
