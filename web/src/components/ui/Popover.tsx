import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './Icon';
import { useOutside } from './outside';

interface PopoverProps {
  icon: IconName;
  label: string;
  /** What is in it; `close` shuts it. */
  children: (close: () => void) => ComponentChildren;
  onOpen?: () => void;
}

/** A small button that opens a panel below it. Escape, or a click elsewhere, shuts it. */
export function Popover({ icon, label, children, onOpen }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useOutside(place, open, () => setOpen(false));
  return (
    <div
      class="popover-place"
      ref={place}
      onKeyDown={(e) => {
        if (e.key !== 'Escape' || !open) return;
        e.stopPropagation();
        close();
      }}
    >
      <button
        ref={button}
        type="button"
        class="quiet square small"
        title={label}
        aria-label={label}
        aria-expanded={open}
        onClick={() => {
          if (!open) onOpen?.();
          setOpen(!open);
        }}
      >
        <Icon name={icon} size={16} />
      </button>
      {open && (
        <div class="popover" role="dialog" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
