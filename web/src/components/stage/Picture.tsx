import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface PictureProps {
  source: string;
  alt: string;
  faded?: boolean;
  onShape?: (ratio: number) => void;
  children?: ComponentChildren;
}

/** A picture as large as its place allows, with a box exactly its size around it. */
export function Picture({ source, alt, faded, onShape, children }: PictureProps) {
  const [ratio, setRatio] = useState<number>();
  return (
    <div class={`picture${faded ? ' faded' : ''}`} style={{ '--ratio': String(ratio ?? 1), visibility: ratio ? undefined : 'hidden' }}>
      <img
        src={source}
        alt={alt}
        draggable={false}
        onLoad={(e) => {
          const { naturalWidth, naturalHeight } = e.currentTarget;
          if (!naturalWidth || !naturalHeight) return;
          setRatio(naturalWidth / naturalHeight);
          onShape?.(naturalWidth / naturalHeight);
        }}
      />
      {children}
    </div>
  );
}
