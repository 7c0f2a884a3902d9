// The page's colours for the graph.
import { LGraphCanvas, LiteGraph } from '@comfyorg/litegraph';
import { isDark } from '../state/theme';

const LINKS: Record<string, [dark: string, light: string]> = {
  MODEL: ['#a99be0', '#6a57b8'],
  CLIP: ['#e0c36a', '#96740c'],
  VAE: ['#e58a86', '#b94640'],
  CONDITIONING: ['#e8a564', '#b2641b'],
  LATENT: ['#e493c8', '#a8428a'],
  IMAGE: ['#6fb4ea', '#1f6fb0'],
  MASK: ['#8fcf8a', '#3b853a'],
  CONTROL_NET: ['#6fd0bb', '#14796a'],
  CLIP_VISION: ['#9fc4ff', '#3a62b5'],
  CLIP_VISION_OUTPUT: ['#c3b2a0', '#77604a'],
  STYLE_MODEL: ['#c6df89', '#62801b'],
};

/** A colour of the page's own style sheet. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Must be called before nodes are made, and again when the theme changes. */
export function paintTheme(canvas?: LGraphCanvas): void {
  const [text, muted, raised, panel, line] = ['--text', '--muted', '--raised', '--panel', '--line'].map(colour) as [
    string,
    string,
    string,
    string,
    string,
  ];
  Object.assign(LiteGraph, {
    NODE_TITLE_COLOR: text,
    NODE_SELECTED_TITLE_COLOR: text,
    NODE_TEXT_COLOR: muted,
    NODE_TEXT_HIGHLIGHT_COLOR: text,
    NODE_DEFAULT_COLOR: raised,
    NODE_DEFAULT_BGCOLOR: panel,
    NODE_DEFAULT_BOXCOLOR: muted,
    NODE_BOX_OUTLINE_COLOR: colour('--accent'),
    NODE_ERROR_COLOUR: colour('--bad'),
    DEFAULT_SHADOW_COLOR: 'rgba(0,0,0,0.35)',
    WIDGET_BGCOLOR: colour('--sunk'),
    WIDGET_OUTLINE_COLOR: line,
    WIDGET_TEXT_COLOR: text,
    WIDGET_SECONDARY_TEXT_COLOR: muted,
    WIDGET_DISABLED_TEXT_COLOR: colour('--line-strong'),
    LINK_COLOR: muted,
    CONNECTING_LINK_COLOR: colour('--accent'),
    NODE_TEXT_SIZE: 13,
    NODE_SUBTEXT_SIZE: 11,
  });
  const pick = isDark() ? 0 : 1;
  for (const [type, pair] of Object.entries(LINKS)) LGraphCanvas.link_type_colors[type] = pair[pick];
  if (!canvas) return;
  canvas.clear_background_color = colour('--ground');
  canvas.background_image = '';
  canvas.default_link_color = muted;
  for (const side of ['input_off', 'input_on', 'output_off', 'output_on'] as const) canvas.default_connection_color[side] = muted;
  canvas.node_title_color = text;
  for (const [type, pair] of Object.entries(LINKS)) {
    canvas.default_connection_color_byType[type] = pair[pick];
    canvas.default_connection_color_byTypeOff[type] = pair[pick];
  }
  canvas.setDirty(true, true);
}
