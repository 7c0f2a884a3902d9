// The WebSocket: connects, and connects again when it is lost.
import { signal } from '@preact/signals';
import { tabStore } from '../state/kept';
import { type PreviewFrame, readFrame } from './frames';
import { addressWithToken, get } from './http';
import { parseJson } from './json';

export type Connection = 'connecting' | 'open' | 'lost';
export const connection = signal<Connection>('connecting');

export interface Message {
  type: string;
  data: Record<string, unknown>;
}
export interface Listener {
  opened(): void;
  message(message: Message): void;
  preview(frame: PreviewFrame): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
// The server repeats `status` every few seconds; so long a silence is a connection that is no more.
const SILENCE_MS = 20000;

let socket: WebSocket | undefined;
let wait = FIRST_WAIT_MS;
let retry: ReturnType<typeof setTimeout> | undefined;
let watchdog: ReturnType<typeof setTimeout> | undefined;

/** Name of this tab towards the server; survives a reload. */
export function clientId(): string {
  const key = 'easel.client';
  let id = tabStore.getItem(key);
  if (!id) {
    id = `page-${randomId()}`;
    tabStore.setItem(key, id);
  }
  return id;
}

/** crypto.randomUUID() exists on secure origins only. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Connects, and stays connected from then on. */
export function connect(listener: Listener): void {
  clearTimeout(retry);
  const url = addressWithToken('ws', { clientId: clientId(), watch: 'all' }).replace(/^http/, 'ws');
  const own = new WebSocket(url);
  socket = own;
  own.binaryType = 'arraybuffer';
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => own.close(), SILENCE_MS);
  };
  own.onopen = () => {
    wait = FIRST_WAIT_MS;
    own.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
    connection.value = 'open';
    alive();
    listener.opened();
  };
  own.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
    alive();
    if (typeof event.data === 'string') {
      listener.message(parseJson(event.data) as Message);
      return;
    }
    const frame = readFrame(event.data);
    if (frame) listener.preview(frame);
  };
  own.onclose = () => {
    if (socket !== own) return;
    clearTimeout(watchdog);
    connection.value = 'lost';
    // Why a socket was refused is not told; a request learns whether a token is wanted.
    void get('prompt').catch(() => undefined);
    retry = setTimeout(() => connect(listener), wait);
    wait = Math.min(wait * 1.6, LONGEST_WAIT_MS);
  };
}

/** Tries again at once. */
export function reconnectNow(listener: Listener): void {
  wait = FIRST_WAIT_MS;
  const old = socket;
  socket = undefined;
  old?.close();
  connect(listener);
}
