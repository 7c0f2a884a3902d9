// Pictures that are pasted into the graph or dropped on it: each goes into a node that loads it.
import { LiteGraph } from '@comfyorg/litegraph';
import { imageName } from '../api/routes';
import { isPicture, sendPicture } from '../state/form/pictureFile';
import { workflowInFile } from '../state/form/restore';
import { say } from '../state/notices';
import { freePlace } from './clipboard';
import { chosenNodes } from './commands';
import type { Editor } from './editor';
import { refreshPicture } from './live';
import type { EaselNode } from './nodes';

const LOADERS = ['LoadImage', 'LoadImageMask'];
const BESIDE = 40;

function isLoader(node: { type?: unknown } | null | undefined): boolean {
  return LOADERS.includes(String(node?.type));
}

function putName(node: EaselNode, name: string): void {
  const widget = node.widgets?.find((w) => w.name === 'image');
  if (!widget) return;
  const { values } = widget.options as { values?: string[] };
  if (values && !values.includes(name)) values.unshift(name);
  widget.value = name;
  refreshPicture(node);
}

/** Puts a picture into the node, or into a new one at the place. */
async function take(editor: Editor, file: File, node: EaselNode | undefined, at: [number, number]): Promise<void> {
  const stored = imageName(await sendPicture(file));
  editor.change(() => {
    const target = node ?? (LiteGraph.createNode('LoadImage') as EaselNode | null);
    if (!target) throw new Error('The server has no node that loads pictures.');
    if (!node) {
      target.pos = at;
      editor.graph.add(target);
      editor.canvas.deselectAll();
      editor.canvas.selectNode(target);
    }
    putName(target, stored);
  });
}

/** `dropped`: where in the graph; what is pasted goes into the chosen node, or to the mouse. */
export async function takeFiles(editor: Editor, files: File[], dropped?: [number, number]): Promise<void> {
  const under = dropped && editor.graph.getNodeOnPos(dropped[0], dropped[1]);
  const chosen = chosenNodes(editor.canvas);
  const candidate = dropped ? under : chosen.length === 1 ? chosen[0] : undefined;
  let node = isLoader(candidate) ? (candidate as EaselNode) : undefined;
  let at = dropped ?? freePlace(editor.canvas, [[0, 0, 230, 340]]);
  for (const file of files) {
    try {
      const picture = isPicture(file);
      const found = dropped && !(node && picture) ? await workflowInFile(file).catch(() => undefined) : undefined;
      if (found) return editor.open(found, true);
      if (!picture) throw new Error(`There is no picture and no workflow in “${file.name}”.`);
      await take(editor, file, node, at);
    } catch (error) {
      say(error instanceof Error ? error.message : String(error), 'bad');
    }
    node = undefined;
    at = [at[0] + BESIDE, at[1] + BESIDE];
  }
}
