// Node classes for the editor, made from the server's definitions.
import { CanvasPointer, type LGraphCanvas, LGraphGroup, LGraphNode, LiteGraph } from '@comfyorg/litegraph';
import type { NodeInfo } from '../api/types';
import { BYPASSED, type DocNode, type Infos, type Promoted, INPUTS, inputsOf, isSeedInput, isValueInput, MUTED, OUTPUTS, typeName } from './document';
import { BORDER_WIDTH } from './levels';
import { addAfterWidget, addNoteWidget, addValueWidget } from './widgets';

const MIN_WIDTH = 230;
const PICTURE_HEIGHT = 200;
const PICTURE_GAP = 10;

/** What our nodes have beyond the library's. */
export interface EaselNode extends LGraphNode {
  picture?: HTMLImageElement;
  faults?: string[];
  running?: boolean;
  promoted?: Promoted[];
  /** Asks for another title. */
  rename?: () => void;
  /** Enters what the node stands for, where it stands for a subgraph. */
  enter?: () => void;
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
  const end = node.flags.collapsed ? (node._collapsed_width ?? node.size[0]) : node.size[0];
  const right = node.enter ? end - DOOR - 8 : end;
  ctx.fillStyle = LiteGraph.NODE_BOX_OUTLINE_COLOR as string;
  ctx.beginPath();
  ctx.roundRect(right - width - 6, -LiteGraph.NODE_TITLE_HEIGHT + 7, width, 16, 8);
  ctx.fill();
  ctx.fillStyle = LiteGraph.NODE_DEFAULT_BGCOLOR;
  ctx.textAlign = 'center';
  ctx.fillText(said, right - width / 2 - 6, -LiteGraph.NODE_TITLE_HEIGHT + 19);
  ctx.restore();
}

const DOOR = 16;

/** Where the mark is that a subgraph is entered by, in its title. */
function doorOf(node: EaselNode): [left: number, top: number] {
  const right = node.flags.collapsed ? (node._collapsed_width ?? node.size[0]) : node.size[0];
  return [right - DOOR - 8, -(LiteGraph.NODE_TITLE_HEIGHT + DOOR) / 2];
}

function drawDoor(node: EaselNode, ctx: CanvasRenderingContext2D): void {
  if (!node.enter) return;
  const [left, top] = doorOf(node);
  ctx.save();
  ctx.strokeStyle = LiteGraph.NODE_TEXT_HIGHLIGHT_COLOR;
  ctx.lineWidth = 1.5;
  ctx.lineCap = ctx.lineJoin = 'round';
  ctx.translate(left, top);
  ctx.stroke(new Path2D('M6 2H3a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h10a1 1 0 0 0 1-1v-3M9 2h5v5M14 2 8 8'));
  ctx.restore();
}

function isAtDoor(node: EaselNode, [x, y]: [number, number]): boolean {
  const [left, top] = doorOf(node);
  return x >= left - 6 && x <= left + DOOR + 6 && y >= top - 6 && y <= top + DOOR + 6;
}

function prepare(node: EaselNode): void {
  node.onDrawForeground = (ctx) => {
    drawPicture(node, ctx);
    drawMode(node, ctx);
    drawDoor(node, ctx);
  };
  node.onMouseDown = (_event, at) => {
    if (!node.enter || !isAtDoor(node, at as [number, number])) return false;
    // Not while the library is still at this press.
    setTimeout(node.enter);
    return true;
  };
  node.onDblClick = (_event, at) => {
    if (node.enter) setTimeout(node.enter);
    else if (at[1]! < 0) setTimeout(() => node.rename?.());
  };
  node.onConfigure = (info) => {
    // A copy shows only what its class has, until it is read what else it shows; nothing of that is lost meanwhile.
    const { widgets_values: values } = info;
    if (!node.promoted && info.properties?.['proxyWidgets']) node.onSerialize = (written) => void (written.widgets_values = values);
  };
  node.strokeStyles['error'] = function () {
    return this.has_errors ? { color: LiteGraph.NODE_ERROR_COLOUR, lineWidth: 3, padding: 4 } : undefined;
  };
  node.strokeStyles['selected'] = function () {
    return this.selected ? { padding: this.has_errors ? 9 : 6 } : undefined;
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
    addValueWidget(this, 'value', ['STRING', {}]);
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

/** The border of a subgraph, seen from inside: it stays where a subgraph is, and is not copied. */
class BorderNode extends LGraphNode {
  constructor(title: string) {
    super(title);
    this.isVirtualNode = true;
    this.block_delete = this.ignore_remove = true;
    this.removable = this.clonable = false;
    prepare(this as EaselNode);
  }
}

/** Shows values of nodes inside at the node that stands for their subgraph; they are saved as other editors do. */
export function addPromoted(node: EaselNode, promoted: Promoted[]): void {
  node.promoted = promoted;
  const own = [...(node.widgets ?? [])];
  const shown = promoted.map(({ key, widget, spec }) => {
    if (!spec) return undefined;
    addValueWidget(node, key, spec);
    const made = node.widgets!.at(-1)!;
    made.label = widget;
    return made;
  });
  node.onSerialize = (written) => {
    const listed = [...own.map((w) => ['-1', w.name]), ...promoted.map((p) => p.entry)];
    written.properties = { ...written.properties, proxyWidgets: listed as never };
    written.widgets_values = [...own.map((w) => w.value), ...shown.map((w, i) => w?.value ?? promoted[i]!.value ?? null)] as never;
  };
  widen(node);
}

/** The node for one side of a subgraph's border. */
export function makeBorder(node: DocNode): EaselNode {
  const made = new BorderNode(node.type === INPUTS ? 'What comes in' : 'What goes out') as EaselNode;
  made.type = node.type;
  for (const { name, type, label } of node.slots?.inputs ?? []) made.addInput(name, type, label ? { label } : {});
  for (const { name, type, label } of node.slots?.outputs ?? []) made.addOutput(name, type, label ? { label } : {});
  made.setSize([BORDER_WIDTH, made.computeSize()[1]]);
  return made;
}

export function isBorder(node: { type?: unknown }): boolean {
  return node.type === INPUTS || node.type === OUTPUTS;
}

declare module '@comfyorg/litegraph' {
  interface LGraphNode {
    isVirtualNode?: boolean;
  }
}

let subgraphs: string[] = [];
let served: Infos = {};

/** Makes the subgraphs of a workflow known, in place of those of the workflow before. */
export function registerSubgraphs(ids: Iterable<string>, infos: Infos): void {
  for (const id of subgraphs) {
    if (served[id]) registerInfo(served[id]);
    else if (LiteGraph.registered_node_types[id]) LiteGraph.unregisterNodeType(id);
  }
  subgraphs = [...ids].filter((id) => infos[id]);
  for (const id of subgraphs) registerInfo(infos[id]!);
}

/** A group whose title can be read on its colour in both themes. */
export class Group extends LGraphGroup {
  constructor(title: string) {
    super(title);
    this.font_size = 16;
  }

  override draw(canvas: LGraphCanvas, ctx: CanvasRenderingContext2D): void {
    const [x = 0, y = 0] = this.pos;
    const [width = 0, height = 0] = this.size;
    const tint = this.color || LGraphGroup.defaultColour;
    const shape = new Path2D();
    shape.roundRect(x, y, width, height, 8);
    ctx.save();
    ctx.fillStyle = ctx.strokeStyle = tint;
    ctx.globalAlpha = 0.22 * canvas.editor_alpha;
    ctx.fill(shape);
    ctx.save();
    ctx.clip(shape);
    ctx.fillRect(x, y, width, this.titleHeight);
    ctx.restore();
    ctx.globalAlpha = canvas.editor_alpha;
    ctx.lineWidth = this.selected ? 2.5 : 1;
    ctx.stroke(shape);
    ctx.beginPath();
    ctx.moveTo(x + width - 12, y + height - 4);
    ctx.lineTo(x + width - 4, y + height - 12);
    ctx.stroke();
    ctx.font = `600 14px ${LiteGraph.GROUP_FONT}`;
    ctx.textAlign = 'left';
    ctx.fillStyle = LiteGraph.NODE_TEXT_HIGHLIGHT_COLOR;
    ctx.fillText(this.title, x + 10, y + 16, width - 20);
    ctx.restore();
  }
}

function registerInfo(info: NodeInfo): void {
  const made = classOf(info);
  LiteGraph.registerNodeType(info.name, made);
  made.category = info.category;
}

/** Makes every class of the server known to the editor. */
export function registerNodes(infos: Infos): void {
  LiteGraph.clearRegisteredTypes();
  LiteGraph.release_link_on_empty_shows_menu = true;
  // As systems have it; the library's own is shorter than some hands take.
  CanvasPointer.doubleClickTime = 500;
  served = infos;
  Object.values(infos).forEach(registerInfo);
  LiteGraph.registerNodeType('Note', NoteNode);
  LiteGraph.registerNodeType('MarkdownNote', class extends NoteNode {});
  LiteGraph.registerNodeType('Reroute', RerouteNode);
  LiteGraph.registerNodeType('PrimitiveNode', PrimitiveNode);
}
