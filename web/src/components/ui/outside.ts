import { useEffect } from 'preact/hooks';

/** Calls `left` when something outside of an element is pressed, as long as `active`. */
export function useOutside(place: { current: HTMLElement | null }, active: boolean, left: () => void): void {
  useEffect(() => {
    if (!active) return undefined;
    const outside = (event: PointerEvent) => {
      if (!place.current?.contains(event.target as Node)) left();
    };
    addEventListener('pointerdown', outside, true);
    return () => removeEventListener('pointerdown', outside, true);
  });
}
