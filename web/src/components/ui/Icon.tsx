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
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM12 8v4.5l3 2',
  style: 'M12 3.5a8.5 8.5 0 1 0 0 17c1.6 0 2-1 1.6-2.1-.5-1.3.1-2.4 1.7-2.4h2c2 0 3.2-1.4 3.2-3.6C20.5 7.3 16.7 3.5 12 3.5ZM8 9.5h.01M12 7.5h.01M16 9.5h.01M7.5 14h.01',
  swap: 'M7 4 3.5 7.5 7 11M3.5 7.5H17M17 13l3.5 3.5L17 20M20.5 16.5H7',
  shape: 'M3.5 6.5h12v11h-12zM18.5 6.5h2v11h-2',
  mask: 'M4 5h16v14H4zM8.5 15.5c0-3 2-3.5 3.5-5s3.5-1 4 1-1 4.5-4 4.5',
  crop: 'M7 2.5V17h14.5M2.5 7H17v14.5',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20.5 20.5',
  star: 'm12 4 2.5 5.2 5.5.8-4 4 1 5.6-5-2.7-5 2.7 1-5.6-4-4 5.5-.8Z',
  trash: 'M5 7h14M10 7V4.5h4V7M6.5 7l1 13h9l1-13M10.5 11v5.5M13.5 11v5.5',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  full: 'M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7',
  beside: 'M4 5h16v14H4zM12 5v14',
  flicker: 'M4 8h10v10H4zM8 8V5h12v10h-4',
  help: 'M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5h.01M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Z',
  eraser: 'M8.5 19.5 4 15l9.5-9.5 5.5 5.5-8.5 8.5ZM8.5 10.5l5.5 5.5M8.5 19.5H20',
  invert: 'M12 4a8 8 0 1 0 0 16ZM12 4a8 8 0 0 1 0 16Z',
  bucket: 'M5 11l7-7 7 7-7 7ZM5 11h14M20.5 15c1 1.5 1.5 2.2 1.5 3a1.5 1.5 0 0 1-3 0c0-.8.5-1.5 1.5-3Z',
  redo: 'M19.5 9.5h-9a5.5 5.5 0 1 0 0 11H15M15.5 5.5l4 4-4 4',
  copy: 'M8 8h11v12H8zM5 16V4h11',
  info: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17ZM12 11v5.5M12 7.8h.01',
  enlarge: 'M4 4h7v7H4zM14 14h6v6h-6zM14 4h6v6M4 14v6h6',
  again: 'M19 12a7 7 0 1 1-2.3-5.2M19 3.5V8h-4.5',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  grid: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  leave: 'M10 6l-6 6 6 6M4 12h16',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
