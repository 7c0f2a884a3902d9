// Short notices that go away by themselves.
import { signal } from '@preact/signals';

export interface Notice {
  id: number;
  text: string;
  tone: 'plain' | 'bad';
  action?: { label: string; run: () => void };
}
export const notices = signal<Notice[]>([]);

const SHOWN_MS = 6000;
let nextId = 1;

export function say(text: string, tone: Notice['tone'] = 'plain', action?: Notice['action']): void {
  const id = nextId++;
  const others = notices.value.filter((n) => n.text !== text);
  notices.value = [...others.slice(-2), { id, text, tone, action }];
  setTimeout(() => dismiss(id), action ? SHOWN_MS * 2 : SHOWN_MS);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((n) => n.id !== id);
}
