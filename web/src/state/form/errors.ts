// The server's refusals in plain words, each at the field it belongs to. Pure functions.
import type { InputFault, Prompt, PromptFault } from '../../api/types';

export interface Faults {
  /** By "node.input". */
  fields: Record<string, string>;
  /** By node id; what no field shows is here as well. */
  nodes: Record<string, string[]>;
  /** Of the whole prompt. */
  general: string[];
}

export const noFaults: Faults = { fields: {}, nodes: {}, general: [] };

export function fieldKey(node: string, input: string): string {
  return `${node}.${input}`;
}

function sayValue(value: unknown): string {
  return typeof value === 'string' ? `“${value}”` : String(value);
}

/** The end of a sentence, where the text is without one. */
function sentence(text: string): string {
  const words = text.trim().replace(/[:;,\s]+$/, '');
  if (!words) return '';
  const begun = words[0]!.toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** What the server thinks was meant, from the end of its details. */
function hintIn(details: string): string {
  return sentence(/; (did you mean .*)$/i.exec(details)?.[1] ?? '').replace(/\?\.$/, '?');
}

/** What a value is called that a list does not have: files are missing, other choices are unknown. */
function notInList(fault: InputFault): string {
  const { input_name: input = '', input_config: config, received_value: value, fault: kind } = fault.extra_info ?? {};
  const isFile = kind === 'missing';
  if (isFile && config?.[1]?.image_upload) return `The server has no picture ${sayValue(value)}. Choose it again.`;
  const choices = Array.isArray(config?.[0]) ? config[0].map(String) : [];
  // A long list is left out of the answer; what is closest to the value is told.
  if (isFile && choices.length === 0 && config) return `The server has no ${sayValue(value)}, nor any other file of this kind.`;
  if (choices.length === 0) {
    const what = isFile ? `The server has no file ${sayValue(value)}.` : `There is no ${input.replace(/_name$/, '')} ${sayValue(value)}.`;
    return [what, hintIn(fault.details)].filter(Boolean).join(' ');
  }
  const shown = choices.slice(0, 4).join(', ') + (choices.length > 4 ? ', …' : '');
  return `${sayValue(value)} is not there. There is: ${shown}`;
}

/** One fault of one input. */
export function sayFault(fault: InputFault): string {
  const { input_name: input = '', input_config: config, received_value: value, fault: kind } = fault.extra_info ?? {};
  const options = config?.[1] ?? {};
  switch (fault.type) {
    case 'missing_node_type':
      return [sentence(fault.message).replace(/^Cannot execute because node (.*) does not exist\.$/, 'The server has no node “$1”.'), hintIn(fault.details)]
        .filter(Boolean)
        .join(' ');
    case 'required_input_missing':
      return 'Something must be given here.';
    case 'value_smaller_than_min':
      return `Must be at least ${options.min}.`;
    case 'value_bigger_than_max':
      return `Must be at most ${options.max}.`;
    case 'value_not_in_list':
      return notInList(fault);
    case 'invalid_input_type':
      return `${sayValue(value)} cannot be read as ${config?.[0] === 'INT' ? 'a whole number' : 'a number'}.`;
    case 'custom_validation_failed':
      // The kind tells a picture that is not there from anything else that may be wrong with a picture.
      if (kind === 'missing' && typeof value === 'string') {
        if (input !== 'image') return `The server has no file ${sayValue(value)}.`;
        return value ? `The server has no picture ${sayValue(value)}. Choose it again.` : 'Choose a picture first.';
      }
      return sentence(fault.details.startsWith(`${input} - `) ? fault.details.slice(input.length + 3) : fault.details || fault.message);
    case 'return_type_mismatch':
      return `A connection of the wrong kind. ${sentence(fault.details)}`.trim();
    case 'bad_linked_input':
      return `A connection to a node that is not there. ${sentence(fault.details)}`.trim();
    default:
      return fault.message && fault.details ? `${fault.message.replace(/[.:\s]+$/, '')}: ${fault.details}` : sentence(fault.message || fault.details);
  }
}

/** What the server says of a job that failed, without the name of the node, which is shown beside it. */
export function sayFailure(message: string): string {
  const bare = message.replace(/^node \S+( \([^)]*\))?[,:] */, '').replace(/^\w+ - (?=\S)/, '');
  // Where the server keeps its pictures is of no use to who looks at the page.
  const gone = /^Invalid image file: ([^;]*)/.exec(bare) ?? /^there is no picture '([^']*)' in /i.exec(bare);
  if (gone) return [`The server has no picture “${gone[1]}” any more. Choose it again.`, /did you mean [^?]*\?/i.exec(bare)?.[0].replace('did', 'Did')].filter(Boolean).join(' ');
  return sentence(bare) || 'The server did not say why.';
}

function titleOf(prompt: Prompt, id: string): string {
  const node = prompt[id];
  return node?._meta?.title || node?.class_type || `Node ${id}`;
}

/** Sorts a refusal by field. `shown` tells which fields the form has; the rest becomes general. */
export function readFaults(body: unknown, prompt: Prompt, shown: (field: string) => boolean): Faults {
  const { error, node_errors: byNode = {} } = (body ?? {}) as PromptFault;
  const out: Faults = { fields: {}, nodes: {}, general: [] };
  for (const [id, { errors }] of Object.entries(byNode)) {
    for (const fault of errors) {
      const input = fault.extra_info?.input_name ?? '';
      const words = sayFault(fault);
      const key = fieldKey(id, input);
      out.fields[key] = words;
      (out.nodes[id] ??= []).push(input ? `${input}: ${words}` : words);
      if (!shown(key)) out.general.push(`${titleOf(prompt, id)}${input ? `, ${input}` : ''}: ${words}`);
    }
  }
  if (Object.keys(byNode).length === 0) {
    const parts = typeof error === 'string' ? [error] : [error?.message ?? '', error?.details ?? ''];
    const said = parts.map(sentence).filter(Boolean).join(' ');
    out.general.push(said || 'The server refused this, and did not say why.');
  }
  return out;
}
