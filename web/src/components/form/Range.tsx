interface RangeProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step: number;
  tooltip?: string;
  unit?: string;
  onChange: (value: number) => void;
}

/** A labelled slider with its number beside it. */
export function Range({ label, value, min, max, step, tooltip, unit, onChange }: RangeProps) {
  const share = (Math.max(min, Math.min(max, value)) - min) / (max - min);
  return (
    <label class="range" title={tooltip}>
      <span>{label}</span>
      <input
        class="slider"
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        style={{ '--share': `${share * 100}%` }}
        aria-label={label}
        onInput={(e) => onChange(Number(e.currentTarget.value))}
      />
      <output>
        {Number(value.toFixed(2))}
        {unit}
      </output>
    </label>
  );
}
