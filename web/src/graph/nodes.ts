// Node classes for the editor, made from the server's definitions.
import { LGraphNode, LiteGraph } from '@comfyorg/litegraph';
import type { NodeInfo } from '../api/types';
import { BYPASSED, type Infos, inputsOf, isSeedInput, isValueInput, MUTED, typeName } from './document';
import { addAfterWidget, addNoteWidget, addValueWidget } from './widgets';

const MIN_WIDTH = 230;
const PICTURE_HEIGHT = 200;
const PICTURE_GAP = 10;

/** What our nodes have beyond the library's. */
export interface EaselNode extends LGraphNode {
  picture?: HTMLImageElement;
  faults?: string[];
  running?: boolean;
  /** Called with what shows a picture that has arrived: it may make the node larger, which nobody has done by hand. */
  onPicture?: (show: () => void) => void;
}

function widen(node: LGraphNode): void {
  const size = node.computeSize();
  node.setSize([Math.max(MIN_WIDTH, size[0]), size[1]]);
}

/** Shows a picture in the lower part of a node, making room for it. */
const SHOW_PICTURES = ['LoadImage', 'LoadImageMask', 'SaveImage', 'PreviewImage', 'MaskPreview'];

/** How much room a node will take once it shows its picture. */
export function finalSize(node: EaselNode): [number, number] {
  const shows = SHOW_PICTURES.includes(String(node.type));
  return [node.size[0], Math.max(node.size[1], shows ? heightWithPicture(node) : 0)];
}

function heightWithPicture(node: EaselNode): number {
  return node.computeSize()[1] + PICTURE_HEIGHT + PICTURE_GAP;
}

export function showPicture(node: EaselNode, source: string): void {
  if (node.picture?.src === source) return;
  const picture = new Image();
  const show = () => {
    node.picture = picture;
    node.setSize([node.size[0], Math.max(node.size[1], heightWithPicture(node))]);
    node.setDirtyCanvas(true, true);
  };
  picture.onload = () => (node.onPicture ? node.onPicture(show) : show());
  picture.src = source;
}

function drawPicture(node: EaselNode, ctx: CanvasRenderingContext2D): void {
  const { picture } = node;
  if (!picture || node.flags.collapsed) return;
  const top = node.computeSize()[1] + PICTURE_GAP / 2;
  const [width, height] = [node.size[0] - 2 * PICTURE_GAP, node.size[1] - top - PICTURE_GAP];
  if (height < 20) return;
  const scale = Math.min(width / picture.naturalWidth, height / picture.naturalHeight);
  const [w, h] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
  ctx.drawImage(picture, (node.size[0] - w) / 2, top + (height - h) / 2, w, h);
}

const SAID: Record<number, string> = { [MUTED]: 'muted', [BYPASSED]: 'bypassed' };

/** Says in the title what the node's mode is, where that is not that it runs. */
function drawMode(node: EaselNode, ctx: CanvasRenderingContext2D): void {
  const said = SAID[node.mode];
  if (!said) return;
  ctx.save();
  ctx.globalAlpha = 1;
  ctx.font = `600 11px ${LiteGraph.NODE_FONT}`;
  const width = ctx.measureText(said).width + 14;
  const right = node.flags.collapsed ? (node._collapsed_width ?? node.size[0]) : node.size[0];
  ctx.fillStyle = LiteGraph.NODE_BOX_OUTLINE_COLOR as string;
  ctx.beginPath();
  ctx.roundRect(right - width - 6, -LiteGraph.NODE_TITLE_HEIGHT + 7, width, 16, 8);
  ctx.fill();
  ctx.fillStyle = LiteGraph.NODE_DEFAULT_BGCOLOR;
  ctx.textAlign = 'center';
  ctx.fillText(said, right - width / 2 - 6, -LiteGraph.NODE_TITLE_HEIGHT + 19);
  ctx.restore();
}

function prepare(node: EaselNode): void {
  node.onDrawForeground = (ctx) => {
    drawPicture(node, ctx);
    drawMode(node, ctx);
  };
  node.strokeStyles['error'] = function () {
    return this.has_errors ? { color: LiteGraph.NODE_ERROR_COLOUR, lineWidth: 3, padding: 4 } : undefined;
  };
  node.strokeStyles['running'] = function () {
    return (this as EaselNode).running ? { color: String(LiteGraph.NODE_BOX_OUTLINE_COLOR), lineWidth: 3 } : undefined;
  };
}

function classOf(info: NodeInfo): typeof LGraphNode {
  return class extends LGraphNode {
    static override title = info.display_name || info.name;
    constructor(title: string) {
      super(title || info.display_name || info.name);
      this.serialize_widgets = true;
      this.properties['Node name for S&R'] = info.name;
      for (const [name, spec] of inputsOf(info)) {
        if (!isValueInput(spec)) {
          this.addInput(name, typeName(spec));
          continue;
        }
        addValueWidget(this, name, spec);
        this.addInput(name, typeName(spec), { widget: { name } });
        if (isSeedInput(spec)) addAfterWidget(this);
      }
      info.output.forEach((type, i) => this.addOutput(info.output_name[i] ?? type, type));
      prepare(this as EaselNode);
      widen(this);
    }
  } as unknown as typeof LGraphNode;
}

class NoteNode extends LGraphNode {
  static override title = 'Note';
  constructor(title: string) {
    super(title || 'Note');
    this.serialize_widgets = true;
    this.isVirtualNode = true;
    addNoteWidget(this);
    prepare(this as EaselNode);
    widen(this);
  }
}

class RerouteNode extends LGraphNode {
  static override title = 'Reroute';
  constructor(title: string) {
    super(title || 'Reroute');
    this.isVirtualNode = true;
    this.addInput('', '*');
    this.addOutput('', '*');
    this.setSize([90, 30]);
    prepare(this as EaselNode);
  }
}

class PrimitiveNode extends LGraphNode {
  static override title = 'Primitive';
  constructor(title: string) {
    super(title || 'Primitive');
    this.serialize_widgets = true;
    this.isVirtualNode = true;
    this.addOutput('value', '*');
    this.addWidget('text', 'value', '', () => undefined, {});
    prepare(this as EaselNode);
    widen(this);
  }
}

/** A node whose class the server does not have; keeps its place and connections. */
export class UnknownNode extends LGraphNode {
  static override title = 'Unknown';
  constructor(title: string) {
    super(title || 'Unknown');
    this.has_errors = true;
    prepare(this as EaselNode);
  }
}

declare module '@comfyorg/litegraph' {
  interface LGraphNode {
    isVirtualNode?: boolean;
  }
}

/** Makes every class of the server known to the editor. */
export function registerNodes(infos: Infos): void {
  LiteGraph.clearRegisteredTypes();
  for (const info of Object.values(infos)) {
    const made = classOf(info);
    LiteGraph.registerNodeType(info.name, made);
    made.category = info.category;
  }
  LiteGraph.registerNodeType('Note', NoteNode);
  LiteGraph.registerNodeType('MarkdownNote', class extends NoteNode {});
  LiteGraph.registerNodeType('Reroute', RerouteNode);
  LiteGraph.registerNodeType('PrimitiveNode', PrimitiveNode);
}
