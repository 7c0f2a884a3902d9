// Widgets of a node: one for each value it takes.
import { type LGraphCanvas, LGraphNode, LiteGraph } from '@comfyorg/litegraph';
import type { InputSpec, Value } from '../api/types';
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
    const canvas = node.graph?.list_of_graphcanvas?.[0] as LGraphCanvas | undefined;
    canvas?.prompt(
      name,
      String(widget.value ?? ''),
      (text: string) => {
        widget.value = text;
        node.onWidgetChanged?.(name, text, null, widget as never);
        canvas.setDirty(true, true);
      },
      event,
      true,
    );
    return true;
  };
}

/** Adds the widget that fits the input. */
export function addValueWidget(node: LGraphNode, name: string, spec: InputSpec): void {
  const [type, options = {}] = spec;
  const value: Value = defaultValue(spec);
  if (Array.isArray(type)) {
    node.addWidget('combo', name, String(value), nothing, { values: type.map(String) });
  } else if (type === 'INT' || type === 'FLOAT') {
    const step = Number(options.step ?? (type === 'INT' ? 1 : 0.01));
    node.addWidget('number', name, Number(value), nothing, {
      min: Number(options.min ?? -1e15),
      max: Number(options.max ?? 1e15),
      step2: step,
      precision: type === 'INT' ? 0 : Math.max(2, places(step)),
    });
  } else if (type === 'BOOLEAN') {
    node.addWidget('toggle', name, Boolean(value), nothing, { on: 'yes', off: 'no' });
  } else if (options.multiline) {
    addTextArea(node, name, String(value));
  } else {
    node.addWidget('text', name, String(value), nothing, {});
  }
}

export function addAfterWidget(node: LGraphNode): void {
  node.addWidget('combo', AFTER, 'randomize', nothing, { values: AFTER_CHOICES });
}

export function addNoteWidget(node: LGraphNode): void {
  addTextArea(node, 'value', '');
}
