import { useEffect, useRef, useState } from 'preact/hooks';
import { corner, fitScale, type Point, panned, scaleOf, type Size, zoomed } from '../../state/stage/lens';
import { lens, type Way, way as chosenWay } from '../../state/stage/looking';
import { PixelTools } from './PixelTools';

interface Side {
  source: string;
  alt: string;
  word: string;
}
interface ViewerProps {
  main: Side;
  /** What it is compared with. */
  other?: Side;
  /** Whether there is anything it could be compared with. */
  canCompare: boolean;
}

/** Where the picture is in its place, of above and below as far as it is seen. */
interface Drawn {
  left: number;
  width: number;
  top: number;
  bottom: number;
}

const ZOOM_BY = 1.0015;
const FLICKER_MS = 700;
// From here on a picture's pixels are shown as squares.
const SQUARES_FROM = 3;
const NEAR_LINE_PX = 28;

/** The size of an element, as it changes. */
function useSize(): [Size, (element: HTMLElement | null) => void] {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const observer = useRef<ResizeObserver>(undefined);
  const watch = useRef((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (!element) return;
    observer.current = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.current.observe(element);
  });
  return [size, watch.current];
}

/** Whether the other picture is shown just now, while the two take turns. */
function useTurns(on: boolean): [boolean, () => void] {
  const [other, setOther] = useState(false);
  useEffect(() => {
    if (!on || matchMedia('(prefers-reduced-motion: reduce)').matches) return undefined;
    const timer = setInterval(() => setOther((o) => !o), FLICKER_MS);
    return () => clearInterval(timer);
  }, [on]);
  return [on && other, () => setOther(!other)];
}

/** Fingers or a mouse on the place: one moves, two zoom, the wheel zooms. */
function useGestures(picture: Size, place: Size, drag: (point: Point, begun: boolean) => boolean) {
  const down = useRef(new Map<number, Point>());
  const dragging = useRef(false);
  const at = (event: PointerEvent | WheelEvent): Point => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  return {
    onWheel: (event: WheelEvent) => {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
      const scale = scaleOf(lens.value, picture, place) * ZOOM_BY ** -pixels;
      lens.value = zoomed(lens.value, picture, place, scale, at(event));
    },
    onPointerDown: (event: PointerEvent) => {
      if (event.button > 1) return;
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      down.current.set(event.pointerId, at(event));
      dragging.current = down.current.size === 1 && event.button === 0 && drag(at(event), true);
    },
    onPointerMove: (event: PointerEvent) => {
      const before = down.current.get(event.pointerId);
      if (!before) return;
      const now = at(event);
      const others = [...down.current].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
      down.current.set(event.pointerId, now);
      if (dragging.current && others.length === 0) drag(now, false);
      else if (others[0]) {
        const fixed = others[0];
        const far = (p: Point) => Math.max(1, Math.hypot(p.x - fixed.x, p.y - fixed.y));
        const middle = { x: (now.x + fixed.x) / 2, y: (now.y + fixed.y) / 2 };
        const scale = (scaleOf(lens.value, picture, place) * far(now)) / far(before);
        const moved = panned(lens.value, picture, place, { x: (now.x - before.x) / 2, y: (now.y - before.y) / 2 });
        lens.value = zoomed(moved, picture, place, scale, middle);
      } else lens.value = panned(lens.value, picture, place, { x: now.x - before.x, y: now.y - before.y });
    },
    onPointerUp: (event: PointerEvent) => down.current.delete(event.pointerId),
    onPointerCancel: (event: PointerEvent) => down.current.delete(event.pointerId),
    onDblClick: (event: MouseEvent) => {
      const point = at(event as PointerEvent);
      lens.value = lens.value === 'fit' ? zoomed('fit', picture, place, Math.max(1, fitScale(picture, place) * 2), point) : 'fit';
    },
  };
}

function Layer({ side, picture, place, clip, hidden, onShape }: { side: Side; picture: Size; place: Size; clip?: string; hidden?: boolean; onShape?: (size: Size) => void }) {
  const scale = scaleOf(lens.value, picture, place);
  const { x, y } = corner(lens.value, picture, place);
  return (
    <img
      class={`layer${scale >= SQUARES_FROM ? ' squares' : ''}${hidden ? ' away' : ''}`}
      src={side.source}
      alt={side.alt}
      draggable={false}
      style={{ left: `${x}px`, top: `${y}px`, width: `${picture.width * scale}px`, height: `${picture.height * scale}px`, clipPath: clip }}
      onLoad={(e) => {
        const { naturalWidth: width, naturalHeight: height } = e.currentTarget;
        if (width && height) onShape?.({ width, height });
      }}
    />
  );
}

function Word({ at, text, gone, drawn }: { at: 'left' | 'right'; text: string; gone?: boolean; drawn: Drawn }) {
  return (
    <span class={`compare-word ${at}${gone ? ' gone' : ''}`} style={{ [at]: `${Math.max(0, drawn.left) + 10}px`, top: `${drawn.top + 10}px` }} aria-hidden="true">
      {text}
    </span>
  );
}

/** Two pictures on each other, parted by a line. */
function Line({ at, drawn, onChange }: { at: number; drawn: Drawn; onChange: (at: number) => void }) {
  return (
    <>
      <span class="compare-line" style={{ left: `${drawn.left + (drawn.width * at) / 100}px`, top: `${drawn.top}px`, bottom: `${drawn.bottom}px` }} aria-hidden="true">
        <span class="compare-grip" />
      </span>
      <input
        class="compare-range"
        type="range"
        min={0}
        max={100}
        step={0.5}
        value={at}
        aria-label="How much of the reference is shown, from the left"
        onInput={(e) => onChange(Number(e.currentTarget.value))}
      />
    </>
  );
}

/** A picture that can be zoomed and moved, alone or compared with another. */
export function Viewer({ main, other, canCompare }: ViewerProps) {
  const [place, watch] = useSize();
  const [picture, setPicture] = useState<Size>({ width: 0, height: 0 });
  const [at, setAt] = useState(50);
  const way: Way | undefined = other && chosenWay.value;
  const [otherNow, turn] = useTurns(way === 'flicker');
  const beside = way === 'beside';
  const half = beside ? { width: Math.max(0, place.width / 2 - 1), height: place.height } : place;
  const { x: left, y: top } = corner(lens.value, picture, half);
  const scale = scaleOf(lens.value, picture, half);
  const drawn = { left, width: picture.width * scale, top: Math.max(0, top), bottom: Math.max(0, half.height - top - picture.height * scale) };
  const drag = (point: Point, begun: boolean) => {
    if (way !== 'slider') return false;
    const line = drawn.left + (drawn.width * at) / 100;
    if (begun && lens.value !== 'fit' && Math.abs(point.x - line) > NEAR_LINE_PX) return false;
    setAt(Math.max(0, Math.min(100, ((point.x - drawn.left) / drawn.width) * 100)));
    return true;
  };
  const gestures = useGestures(picture, half, drag);
  const known = picture.width > 0;
  const panes = beside && other ? [other, main] : [main];
  return (
    <div class="viewer">
      <div class="panes" ref={watch} style={known ? undefined : { opacity: 0 }}>
      {panes.map((side) => (
        <div
          key={side === main ? 'main' : 'other'}
          class={`pane picture${lens.value === 'fit' ? '' : ' zoomed'}${way === 'slider' ? ' sliding' : ''}`}
          onClick={way === 'flicker' ? turn : undefined}
          {...gestures}
        >
          <Layer side={side} picture={picture} place={half} onShape={side === main ? setPicture : undefined} />
          {way === 'slider' && other && <Layer side={other} picture={picture} place={half} clip={`inset(0 ${100 - at}% 0 0)`} />}
          {way === 'flicker' && other && <Layer side={other} picture={picture} place={half} hidden={!otherNow} />}
          {beside && <Word at="left" text={side.word} drawn={drawn} />}
        </div>
      ))}
      {way === 'slider' && other && known && (
        <div class="compare-marks">
          <Line at={at} drawn={drawn} onChange={setAt} />
          <Word at="left" text={other.word} gone={at < 12} drawn={drawn} />
          <Word at="right" text={main.word} gone={at > 88} drawn={drawn} />
        </div>
      )}
      {way === 'flicker' && other && <Word at="left" text={otherNow ? other.word : main.word} drawn={drawn} />}
      </div>
      <PixelTools picture={picture} place={half} canCompare={canCompare} />
    </div>
  );
}
