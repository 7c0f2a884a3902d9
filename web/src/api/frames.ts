// Binary messages of the WebSocket: preview pictures.

export interface PreviewFrame {
  picture: Blob;
  promptId?: string;
  node?: string;
}

const PREVIEW = 1;
const PREVIEW_WITH_METADATA = 4;
const PNG = 2;

/** Reads a binary message; nothing when it is of another kind or cut short. */
export function readFrame(buffer: ArrayBuffer): PreviewFrame | undefined {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8) return undefined;
  const kind = view.getUint32(0);
  const second = view.getUint32(4);
  if (kind === PREVIEW) {
    return { picture: new Blob([buffer.slice(8)], { type: second === PNG ? 'image/png' : 'image/jpeg' }) };
  }
  if (kind !== PREVIEW_WITH_METADATA || second > buffer.byteLength - 8) return undefined;
  try {
    const text = new TextDecoder().decode(new Uint8Array(buffer, 8, second));
    const about = JSON.parse(text) as { prompt_id?: string; node_id?: string; image_type?: string };
    const type = about.image_type === 'image/png' ? 'image/png' : 'image/jpeg';
    return {
      picture: new Blob([buffer.slice(8 + second)], { type }),
      promptId: about.prompt_id,
      node: about.node_id,
    };
  } catch {
    return undefined;
  }
}
