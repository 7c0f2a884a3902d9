import { Range } from '../components/form/Range';
import { Icon } from '../components/ui/Icon';
import * as compose from '../state/form/compose';
import { sizeKnobs } from '../state/form/size';
import { beyond, extendsBeyond, grown, isWhole, whole, withRatio } from './frame';
import type { Session } from './session';

const RATIOS: { label: string; ratio: number }[] = [
  { label: '1 : 1', ratio: 1 },
  { label: '4 : 3', ratio: 4 / 3 },
  { label: '3 : 4', ratio: 3 / 4 },
  { label: '3 : 2', ratio: 3 / 2 },
  { label: '2 : 3', ratio: 2 / 3 },
  { label: '16 : 9', ratio: 16 / 9 },
  { label: '9 : 16', ratio: 9 / 16 },
];
const SIDES = ['left', 'top', 'right', 'bottom'] as const;
const NAMES = { left: 'Left', top: 'Above', right: 'Right', bottom: 'Below' };

/** The result's own ratio, as the form has it. */
function formRatio(): number | undefined {
  const technique = compose.technique.value;
  const inputs = compose.prompt.value[(technique && sizeKnobs(technique)?.node) ?? '']?.inputs;
  const ratio = inputs && Number(inputs['width']) / Number(inputs['height']);
  return ratio && Number.isFinite(ratio) ? ratio : undefined;
}

function Ratio({ session }: { session: Session }) {
  const form = formRatio();
  const lock = (value: string) => {
    const ratio = value === 'free' ? undefined : value === 'as it is' ? session.frame.value.width / session.frame.value.height : Number(value);
    session.ratio.value = ratio;
    if (ratio && value !== 'as it is') session.setFrame(withRatio(session.frame.value, session.size, ratio));
  };
  return (
    <label class="field">
      <span class="label">Shape</span>
      <select aria-label="Shape of the frame" onChange={(e) => lock(e.currentTarget.value)}>
        <option value="free">free</option>
        <option value="as it is">locked as it is</option>
        {form && <option value={form}>as the result, {Number(form.toFixed(2))} : 1</option>}
        {RATIOS.map(({ label, ratio }) => (
          <option key={label} value={ratio}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The frame in numbers: its shape, and how far it goes beyond each edge. */
export function FrameTools({ session }: { session: Session }) {
  const frame = session.frame.value;
  const over = beyond(frame, session.size);
  const set = (side: (typeof SIDES)[number], to: number) => {
    if (Number.isFinite(to)) session.setFrame(grown(frame, side, to - over[side], session.size));
  };
  return (
    <>
      <p class="hint">{session.masks ? 'Drag the frame inwards to crop, outwards to paint more of the scene.' : 'Drag the frame to crop.'}</p>
      <Ratio session={session} />
      <p class="frame-size">
        {frame.width} × {frame.height} pixels
      </p>
      {session.masks && (
        <div class="frame-sides" role="group" aria-label="Beyond the edges, in pixels; less than 0 crops">
          {SIDES.map((side) => (
            <label key={side}>
              <span>{NAMES[side]}</span>
              <input class="number" type="number" step={8} value={over[side]} aria-label={`${NAMES[side]}, pixels`} onChange={(e) => set(side, e.currentTarget.valueAsNumber)} onBlur={(e) => (e.currentTarget.value = String(over[side]))} />
            </label>
          ))}
        </div>
      )}
      {extendsBeyond(frame, session.size) && (
        <Range label="Soft seam" unit=" px" value={session.seam.value} min={0} max={Math.max(64, Math.round(session.size.width / 4))} step={1} onChange={(seam) => (session.seam.value = seam)} />
      )}
      <button type="button" disabled={isWhole(frame, session.size)} onClick={() => session.setFrame(whole(session.size))}>
        <Icon name="fit" size={16} /> All of the picture
      </button>
    </>
  );
}
