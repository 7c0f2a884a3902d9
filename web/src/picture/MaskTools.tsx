import { Range } from '../components/form/Range';
import { Icon } from '../components/ui/Icon';
import type { Session } from './session';

/** Brush, fill, and what is done with the whole mask. */
export function MaskTools({ session }: { session: Session }) {
  const tool = session.tool.value;
  const brush = session.brush.value;
  const fill = session.fill.value;
  const most = Math.max(64, Math.round(Math.max(session.size.width, session.size.height) / 2));
  return (
    <>
      <p class="hint">What is coloured is painted anew; the rest stays as it is.</p>
      {(tool === 'brush' || tool === 'eraser') && (
        <>
          <Range label="Size" tooltip="[ and ]" value={brush.size} min={2} max={most} step={1} onChange={(size) => (session.brush.value = { ...brush, size })} />
          <Range label="Hardness" value={brush.hardness} min={0} max={1} step={0.05} onChange={(hardness) => (session.brush.value = { ...brush, hardness })} />
          <label class="check">
            <input type="checkbox" checked={brush.pressure} onChange={(e) => (session.brush.value = { ...brush, pressure: e.currentTarget.checked })} />
            A pen’s pressure sets the size
          </label>
        </>
      )}
      {tool === 'fill' && (
        <>
          <p class="hint">Click a colour to mask it; with Alt, to take it out of the mask.</p>
          <Range label="Tolerance" value={fill.tolerance} min={0} max={128} step={1} onChange={(tolerance) => (session.fill.value = { ...fill, tolerance })} />
          <label class="check">
            <input type="checkbox" checked={fill.connected} onChange={(e) => (session.fill.value = { ...fill, connected: e.currentTarget.checked })} />
            Only what is connected
          </label>
        </>
      )}
      <div class="row">
        <button type="button" title="I" onClick={() => session.invert()}>
          <Icon name="invert" size={16} /> Invert
        </button>
        <button type="button" onClick={() => session.clear()}>
          <Icon name="close" size={16} /> Clear
        </button>
      </div>
    </>
  );
}
