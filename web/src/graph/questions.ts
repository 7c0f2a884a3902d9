// What is asked for at a place of the graph: a value that is written, or one of several. Answers are undone like all else.
import { signal } from '@preact/signals';

export interface Place {
  clientX: number;
  clientY: number;
}
export interface Question {
  title: string;
  value: string;
  /** Room for many lines. */
  long?: boolean;
  at: Place;
  take: (text: string) => void;
}
export interface Choosing {
  title: string;
  values: string[];
  now: string;
  at: Place;
  take: (value: string) => void;
}

export const question = signal<Question | undefined>(undefined);
export const choosing = signal<Choosing | undefined>(undefined);
