import { useState } from 'preact/hooks';
import { Picture } from './Picture';

/** The result with the reference under it; a slider moves the border between them. */
export function Compare({ result, reference, alt }: { result: string; reference: string; alt: string }) {
  const [at, setAt] = useState(50);
  return (
    <Picture source={result} alt={alt}>
      <img
        class="before"
        src={reference}
        alt="The reference"
        draggable={false}
        style={{ clipPath: `inset(0 ${100 - at}% 0 0)` }}
      />
      <span class="compare-line" style={{ left: `${at}%` }} aria-hidden="true">
        <span class="compare-grip" />
      </span>
      <span class={`compare-word left${at < 18 ? ' gone' : ''}`} aria-hidden="true">
        Reference
      </span>
      <span class={`compare-word right${at > 82 ? ' gone' : ''}`} aria-hidden="true">
        Result
      </span>
      <input
        class="compare-range"
        type="range"
        min={0}
        max={100}
        step={0.5}
        value={at}
        aria-label="How much of the reference is shown, from the left"
        onInput={(e) => setAt(Number(e.currentTarget.value))}
      />
    </Picture>
  );
}
