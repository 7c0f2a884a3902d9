// Widgets of a node: one for each value it takes.
import { type LGraphCanvas, type LGraphNode, LiteGraph } from '@comfyorg/litegraph';
import type { InputSpec, Value } from '../api/types';
import { readNumber } from '../state/form/knobs';
import { say } from '../state/notices';
import { choosing, type Place, question } from './questions';
import { AFTER, AFTER_CHOICES, defaultValue } from './document';

const TEXT_LINES = 5;
const LINE_HEIGHT = 16;
const PADDING = 8;
// Values are read from the widgets when they are wanted.
const nothing = () => undefined;

function places(step: number): number {
  return Math.min(4, (String(step).split('.')[1] ?? '').length);
}

/** Breaks text into lines that fit; the last one ends in dots when there is more. */
function wrap(ctx: CanvasRenderingContext2D, text: string, width: number, most: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line ? `${line} ${word}` : word;
      if (!line || ctx.measureText(longer).width <= width) line = longer;
      else {
        lines.push(line);
        line = word;
      }
    }
    lines.push(line);
  }
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), `${lines[most - 1]} …`];
}

/** Several lines of text; a click opens a field to write in. */
function addTextArea(node: LGraphNode, name: string, value: string): void {
  const height = TEXT_LINES * LINE_HEIGHT + 2 * PADDING;
  const widget = node.addWidget('custom', name, value, nothing, { multiline: true });
  widget.computeSize = (width = 200) => [width, height];
  widget.computeLayoutSize = () => ({ minHeight: height, minWidth: 220 });
  widget.draw = (ctx, _node, width, y) => {
    ctx.save();
    ctx.fillStyle = LiteGraph.WIDGET_BGCOLOR;
    ctx.strokeStyle = LiteGraph.WIDGET_OUTLINE_COLOR;
    ctx.beginPath();
    ctx.roundRect(15, y, width - 30, height, 6);
    ctx.fill();
    ctx.stroke();
    ctx.clip();
    ctx.font = `12px ${LiteGraph.NODE_FONT}`;
    ctx.textAlign = 'left';
    ctx.fillStyle = widget.value ? LiteGraph.WIDGET_TEXT_COLOR : LiteGraph.WIDGET_SECONDARY_TEXT_COLOR;
    wrap(ctx, String(widget.value || widget.label || name), width - 30 - 2 * PADDING, TEXT_LINES).forEach((line, i) =>
      ctx.fillText(line, 15 + PADDING, y + PADDING + 12 + i * LINE_HEIGHT),
    );
    ctx.restore();
  };
  widget.mouse = (event) => {
    if (event.type !== 'pointerup' && event.type !== 'mouseup') return false;
    const take = (text: string) => {
      widget.value = text;
      node.onWidgetChanged?.(name, text, null, widget as never);
    };
    question.value = { title: widget.label ?? name, value: String(widget.value ?? ''), long: true, at: event as Place, take };
    return true;
  };
}

type Widget = ReturnType<LGraphNode['addWidget']>;
/** Where a widget was clicked, and on which node. */
interface Click {
  e: Place & { canvasX: number };
  node: LGraphNode;
  canvas: LGraphCanvas;
}
/** What the library's widgets have that a value can be changed by. */
interface Clicked {
  width?: number;
  setValue: (value: unknown, click: Click) => void;
  onClick: (click: Click) => void;
  onDrag?: (click: Click) => void;
}

const ARROW_PX = 40;

/** The arrow that was clicked: -1 the left one, 1 the right one. */
function arrowAt(widget: Clicked, { e, node }: Click): -1 | 0 | 1 {
  const x = e.canvasX - node.pos[0];
  return x < ARROW_PX ? -1 : x > (widget.width || node.size[0]) - ARROW_PX ? 1 : 0;
}

/** One of several: from a list that can be searched. */
function addChoice(node: LGraphNode, name: string, value: string, values: string[]): void {
  const made: Widget = node.addWidget('combo', name, value, nothing, { values });
  const widget = made as unknown as Clicked;
  const step = widget.onClick.bind(widget);
  widget.onClick = (click) => {
    if (arrowAt(widget, click)) return step(click);
    // As it is now: pictures are added to it.
    const all = (made.options as { values?: string[] }).values ?? values;
    choosing.value = { title: made.label ?? name, values: all, now: String(made.value), at: click.e, take: (v) => widget.setValue(v, click) };
  };
}

function addText(node: LGraphNode, name: string, value: string): void {
  const made: Widget = node.addWidget('text', name, value, nothing, {});
  const widget = made as unknown as Clicked;
  widget.onClick = (click) => {
    question.value = { title: made.label ?? name, value: String(made.value ?? ''), at: click.e, take: (text) => widget.setValue(text, click) };
  };
}

/** A number beyond the library's own is kept as text, which has all of its digits. */
function addNumber(node: LGraphNode, name: string, spec: InputSpec): void {
  const [type, options = {}] = spec;
  const step = Number(options.step ?? (type === 'INT' ? 1 : 0.01));
  const precision = type === 'INT' ? 0 : Math.max(2, places(step));
  const made: Widget = node.addWidget('number', name, Number(defaultValue(spec)), nothing, {
    min: Number(options.min ?? -1e15),
    max: Number(options.max ?? 1e15),
    step2: step,
    precision,
  });
  const widget = made as unknown as Clicked;
  const put = (value: number | bigint, click: Click) => {
    let next = value;
    if (options.min !== undefined && next < options.min) next = options.min;
    if (options.max !== undefined && next > options.max) next = options.max;
    const exact = typeof next === 'bigint' && !Number.isSafeInteger(Number(next));
    if (!exact) return widget.setValue(Number(next), click);
    made.value = String(next) as never;
    node.onWidgetChanged?.(name, made.value, null, made as never);
  };
  const moved = (by: number): number | bigint => (typeof made.value === 'string' ? BigInt(made.value) + BigInt(Math.round(by * step)) : Number(made.value) + by * step);
  Object.defineProperty(made, '_displayValue', { get: () => (typeof made.value === 'string' ? made.value : Number(made.value).toFixed(precision)) });
  const drag = widget.onDrag?.bind(widget);
  widget.onDrag = (click) => void (typeof made.value !== 'string' && drag?.(click));
  widget.onClick = (click) => {
    const by = arrowAt(widget, click);
    if (by) return put(moved(by), click);
    const take = (text: string) => {
      const { value, fault } = readNumber(text, spec);
      if (typeof value === 'number' || typeof value === 'bigint') put(value, click);
      else say(`${name}: ${fault}`, 'bad');
    };
    question.value = { title: made.label ?? name, value: String(made.value), at: click.e, take };
  };
}

/** Adds the widget that fits the input. */
export function addValueWidget(node: LGraphNode, name: string, spec: InputSpec): void {
  const [type, options = {}] = spec;
  const value: Value = defaultValue(spec);
  if (Array.isArray(type)) addChoice(node, name, String(value), type.map(String));
  else if (type === 'INT' || type === 'FLOAT') addNumber(node, name, spec);
  else if (type === 'BOOLEAN') node.addWidget('toggle', name, Boolean(value), nothing, { on: 'yes', off: 'no' });
  else if (options.multiline) addTextArea(node, name, String(value));
  else addText(node, name, String(value));
}

export function addAfterWidget(node: LGraphNode): void {
  addChoice(node, AFTER, 'randomize', [...AFTER_CHOICES]);
}

export function addNoteWidget(node: LGraphNode): void {
  addTextArea(node, 'value', '');
}
