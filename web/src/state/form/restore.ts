// Workflows inside files: pictures that were saved with theirs, and JSON of either form.
import { parseJson } from '../../api/json';
import { isPng, pngTexts } from '../../api/pngText';
import type { PageNote, Prompt } from '../../api/types';

export interface FoundWorkflow {
  prompt?: Prompt;
  /** The editor's form. */
  graph?: Record<string, unknown>;
  note?: PageNote;
  /** The job that was made with it. */
  job?: string;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isPrompt(value: unknown): value is Prompt {
  if (!isObject(value)) return false;
  const nodes = Object.values(value);
  return nodes.length > 0 && nodes.every((n) => isObject(n) && typeof n['class_type'] === 'string' && isObject(n['inputs']));
}

export function isGraph(value: unknown): value is Record<string, unknown> {
  return isObject(value) && Array.isArray(value['nodes']) && Array.isArray(value['links']);
}

/** A workflow in JSON text, of either form, also inside {"prompt": ...} or {"workflow": ...}. */
export function workflowInJson(text: string): FoundWorkflow | undefined {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return undefined;
  }
  if (isPrompt(value)) return { prompt: value };
  if (isGraph(value)) return { graph: value };
  if (!isObject(value)) return undefined;
  const prompt = value['prompt'];
  const graph = value['workflow'];
  const found: FoundWorkflow = {};
  if (isPrompt(prompt)) found.prompt = prompt;
  if (isGraph(prompt)) found.graph = prompt;
  if (isGraph(graph)) found.graph = graph;
  return found.prompt || found.graph ? found : undefined;
}

function tryJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : parseJson(text);
  } catch {
    return undefined;
  }
}

/** The workflow a PNG file carries. */
export async function workflowInPng(bytes: Uint8Array): Promise<FoundWorkflow | undefined> {
  const texts = await pngTexts(bytes);
  const prompt = tryJson(texts.get('prompt'));
  const graph = tryJson(texts.get('workflow'));
  const note = tryJson(texts.get('easel'));
  const found: FoundWorkflow = {};
  if (isPrompt(prompt)) found.prompt = prompt;
  if (isGraph(graph)) found.graph = graph;
  if (isObject(note)) found.note = note as PageNote;
  return found.prompt || found.graph ? found : undefined;
}

/** The workflow in a file, if it has one. */
export async function workflowInFile(file: Blob): Promise<FoundWorkflow | undefined> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (isPng(bytes)) return workflowInPng(bytes);
  const first = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  return first.startsWith('{') ? workflowInJson(new TextDecoder().decode(bytes)) : undefined;
}
