// Line icons, 24 by 24.
const PATHS = {
  brush: 'M4 20c3 .6 5.5-.6 5.8-3.2a2.6 2.6 0 0 0-4.5-2C4 16 5.6 18 4 20ZM9 14.2 18.2 4.6a1.7 1.7 0 0 1 2.4 2.4L11 16',
  graph: 'M4 5h6v5H4zM14 14h6v5h-6zM10 7.5h3a3 3 0 0 1 3 3V14',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z',
  auto: 'M12 3.5a8.5 8.5 0 1 0 0 17ZM12 3.5a8.5 8.5 0 0 1 0 17',
  picture: 'M4 5h16v14H4zM4 16l4.5-4.5 4 4L16 12l4 4M15 9.2h.01',
  dice: 'M5 5h14v14H5zM9 9h.01M15 15h.01M15 9h.01M9 15h.01',
  play: 'M7.5 5.5 18 12 7.5 18.5Z',
  stop: 'M7 7h10v10H7z',
  pause: 'M9 6v12M15 6v12',
  close: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  up: 'M12 19V6M6.5 11.5 12 6l5.5 5.5',
  down: 'M12 5v13M6.5 12.5 12 18l5.5-5.5',
  chevron: 'M7 10l5 5 5-5',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  file: 'M7 3.5h7l4 4V20.5H7zM14 3.5V8h4',
  undo: 'M4.5 9.5h9a5.5 5.5 0 1 1 0 11H9M8.5 5.5l-4 4 4 4',
  compare: 'M12 3v18M4 6h5v12H4M15 6h5v12h-5',
  strip: 'M3 7h5v10H3zM9.5 7h5v10h-5zM16 7h5v10h-5z',
  open: 'M4 19V6h6l2 2.5h8V19z',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  list: 'M5 7h14M5 12h14M5 17h14',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
